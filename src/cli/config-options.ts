import { type LoadedConfig, loadConfigWithSources } from '../config/load.ts';
import { type Invocation, type OptionSpec, textOption } from './command.ts';

/** Options of verbs that read the configuration. */
export const CONFIG_OPTIONS = {
  config: {
    type: 'string',
    short: 'c',
    value: 'FILE',
    description: 'The configuration file. Default: ./spillway.yaml, if there is one.',
  },
  data: { type: 'string', short: 'd', value: 'DIR', description: 'The data folder. Default: ./data' },
} as const satisfies Record<string, OptionSpec>;

export function loadInvoked(invocation: Invocation): LoadedConfig {
  const data = textOption(invocation, 'data');
  return loadConfigWithSources({
    file: textOption(invocation, 'config'),
    env: invocation.env,
    overrides: data === undefined ? {} : { data },
  });
}
