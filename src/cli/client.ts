/** Spillway over HTTP, as the verbs use it: the address and the token, and problem documents as errors. */
import { ERROR_KINDS, type ErrorCode, messageOf, SpillwayError } from '../lib/errors.ts';
import { withoutLogin } from '../lib/without-login.ts';
import { type Invocation, type OptionSpec, textOption, UsageError } from './command.ts';

const DEFAULT_URL = 'http://127.0.0.1:7514';
const PROBLEM_CHARS = 4_096;

/** Options of verbs that ask a running Spillway. */
export const CLIENT_OPTIONS = {
  url: { type: 'string', value: 'URL', description: `Where Spillway is. Default: SPILLWAY_URL, else ${DEFAULT_URL}` },
  token: {
    type: 'string',
    value: 'TOKEN',
    description: 'Default: SPILLWAY_TOKEN, else none (enough on this machine).',
  },
} as const satisfies Record<string, OptionSpec>;

export type Parameters = Readonly<Record<string, string | number | undefined>>;

export interface RequestOptions {
  readonly parameters?: Parameters;
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
  readonly signal?: AbortSignal;
}

export class Client {
  readonly url: string;
  readonly #token: string | undefined;

  constructor(url: string, token: string | undefined) {
    this.url = url.replace(/\/+$/, '');
    this.#token = token;
  }

  static of(invocation: Invocation): Client {
    const url = textOption(invocation, 'url') ?? invocation.env.SPILLWAY_URL ?? DEFAULT_URL;
    if (!/^https?:\/\/[^/]/.test(url) || !URL.canParse(url)) {
      throw new UsageError(`"${withoutLogin(url)}" is not an address of Spillway.`, `Write it like ${DEFAULT_URL}`);
    }
    if (withoutLogin(url) !== url) {
      const what = `${withoutLogin(url)}: an address has no name and no password here.`;
      throw new UsageError(what, 'Who asks is said by --token or SPILLWAY_TOKEN.');
    }
    return new Client(url, textOption(invocation, 'token') ?? invocation.env.SPILLWAY_TOKEN);
  }

  /** Throws UNAVAILABLE where nothing answers, and what a problem document says. */
  async request(path: string, options: RequestOptions = {}): Promise<Response> {
    const response = await this.#fetch(path, options);
    if (response.ok) return response;
    throw await problemOf(response, this.url);
  }

  async json<Answer>(path: string, options: RequestOptions = {}): Promise<Answer> {
    const response = await this.request(path, options);
    // The server's answers are made from the schemas that these types are derived from.
    return (await response.json()) as Answer;
  }

  async #fetch(
    path: string,
    { parameters = {}, method = 'GET', headers = {}, body, signal }: RequestOptions,
  ): Promise<Response> {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(parameters)) if (value !== undefined) query.set(name, String(value));
    const authorization = this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` };
    const init = { method, headers: { ...authorization, ...headers }, body: body ?? null, signal: signal ?? null };
    try {
      return await fetch(`${this.url}${path}${query.size > 0 ? `?${query}` : ''}`, init);
    } catch (error) {
      if (signal?.aborted === true) throw error;
      const reason = error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : messageOf(error);
      throw new SpillwayError(
        'UNAVAILABLE',
        `Nothing answers at ${this.url} (${reason || 'connection refused'}). Start Spillway with \`spillway start\`, or name another address with --url.`,
        { cause: error },
      );
    }
  }
}

async function problemOf(response: Response, url: string): Promise<SpillwayError> {
  const text = (await response.text()).slice(0, PROBLEM_CHARS);
  const problem = parseProblem(text);
  const retryAfterS = Number(response.headers.get('retry-after') ?? Number.NaN);
  const retry = Number.isFinite(retryAfterS) ? { retryAfterS } : {};
  if (problem === undefined) {
    const said = `${response.status} ${response.statusText}`.trim();
    return new SpillwayError(
      'UNAVAILABLE',
      `${url} answered ${said}, not as Spillway would. Is it the right address?`,
      retry,
    );
  }
  return new SpillwayError(problem.code, problem.detail, { ...retry, details: problem.details });
}

interface ParsedProblem {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly details: Readonly<Record<string, number>>;
}

function parseProblem(text: string): ParsedProblem | undefined {
  let problem: unknown;
  try {
    problem = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof problem !== 'object' || problem === null || !('code' in problem) || !('detail' in problem))
    return undefined;
  const { code, detail } = problem;
  if (typeof code !== 'string' || !isErrorCode(code)) return undefined;
  const position = 'position' in problem && typeof problem.position === 'number' ? { position: problem.position } : {};
  return { code, detail: String(detail), details: position };
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_KINDS, code);
}
