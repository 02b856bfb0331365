import type { Command, OptionSpec } from './command.ts';
import type { Output } from './output.ts';
import { VERBS, type Verb, verbNames } from './verbs.ts';

/** What `spillway` and `spillway --help` print. */
export function overview(output: Output, version: string): string {
  const width = Math.max(...verbNames.map((name) => name.length)) + 2;
  const verb = (name: Verb) => `  ${output.style('bold', name.padEnd(width))}${VERBS[name].summary}`;
  return [
    `Spillway ${version}: accepts logs from anything, never loses one, and finds them again.`,
    '',
    `${output.style('bold', 'Usage:')} spillway VERB [options]`,
    '',
    ...verbNames.map(verb),
    '',
    `${output.style('bold', 'The first minute:')}`,
    '  spillway start                          # everything on this machine, data in ./data',
    '  spillway demo                           # in another terminal: realistic traffic',
    "  spillway search 'level:error'           # or open http://127.0.0.1:7514",
    '',
    'spillway VERB --help explains a verb, with examples.',
  ].join('\n');
}

export function helpOf(command: Command, output: Output): string {
  const options: [string, OptionSpec][] = [
    ...Object.entries(command.options),
    ['help', { type: 'boolean', short: 'h', description: 'Show this.' }],
  ];
  const left = options.map(([name, spec]) => optionText(name, spec));
  const width = Math.max(...left.map((text) => text.length)) + 2;
  return [
    command.summary,
    '',
    `${output.style('bold', 'Usage:')} spillway ${command.usage}`,
    ...(command.details === undefined ? [] : ['', ...command.details]),
    '',
    output.style('bold', 'Options:'),
    ...options.map(([, spec], index) => `  ${(left[index] ?? '').padEnd(width)}${spec.description}`),
    '',
    output.style('bold', command.examples.length === 1 ? 'Example:' : 'Examples:'),
    ...command.examples.flatMap(([line, does]) => [`  ${output.style('dim', `# ${does}`)}`, `  ${line}`]),
  ].join('\n');
}

function optionText(name: string, spec: OptionSpec): string {
  const short = spec.short === undefined ? '    ' : `-${spec.short}, `;
  return `${short}--${name}${spec.type === 'string' ? ` ${spec.value ?? 'VALUE'}` : ''}`;
}
