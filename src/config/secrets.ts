/** `${env:NAME}` and `${file:/path}` in any text of the configuration, so that secrets need not stand in it. */
import { readFileSync, statSync } from 'node:fs';
import { messageOf } from '../lib/errors.ts';
import { CONFIG_LIMITS } from '../lib/limits.ts';

const REFERENCE = /\$\{([a-z]*):?([^}]*)\}/g;

export interface Expanded {
  readonly text: string;
  /** True where something was put in: the text is not to be shown. */
  readonly secret: boolean;
  readonly problems: readonly string[];
}

export function expandSecrets(
  written: string,
  env: Readonly<Record<string, string | undefined>>,
  /** Also what looks like a reference may be part of the secret then. */
  isSecret = false,
): Expanded {
  const problems: string[] = [];
  let secret = false;
  const text = written.replace(REFERENCE, (whole: string, kind: string, name: string) => {
    secret = true;
    try {
      if (kind === 'env') return fromEnvironment(name, env);
      if (kind === 'file') return fromFile(name);
      problems.push(
        `${isSecret ? 'what stands there in braces' : whole} is not known. Write \${env:NAME} or \${file:/path}.`,
      );
    } catch (error) {
      problems.push(messageOf(error));
    }
    return '';
  });
  return { text, secret, problems };
}

function fromEnvironment(name: string, env: Readonly<Record<string, string | undefined>>): string {
  const value = env[name];
  if (value === undefined) throw new Error(`the environment variable ${name} is not set. Set it, or write the value.`);
  return value;
}

/** The file's text without its last line break. */
function fromFile(path: string): string {
  try {
    if (statSync(path).size > CONFIG_LIMITS.secretBytes)
      throw new Error(`it is larger than ${CONFIG_LIMITS.secretBytes} bytes`);
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new Error(`the secret file ${path} cannot be read: ${messageOf(error)}.`);
  }
}
