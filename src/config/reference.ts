/** The reference page docs/configuration.md, made from the schema: what the code does and what the page says agree. */
import type { TSchema } from 'typebox';
import { stringify } from 'yaml';
import { variableOf } from './environment.ts';
import { ConfigSchema } from './schema.ts';
import { entriesOf, expectation, propertiesOf, shapeOf, typeOf } from './shape.ts';

const INTRODUCTION = `# Configuration

<!-- Made by \`npm run docs:config\` from src/config/schema.ts and src/process/stages: edit there. -->

Spillway runs without a configuration. Where one is wanted, it is a file \`spillway.yaml\` in the working directory, or the
one named by \`--config FILE\` or \`SPILLWAY_CONFIG\`. Every option can also be given by the environment variable that
stands with it; the environment wins over the file, the command line over both. Unknown options are refused, so a
spelling mistake is found at once: \`spillway config check\` says where, \`spillway config print\` shows what holds.

- Durations: \`30d\`, \`12h\`, \`15m\`, \`30s\`, \`250ms\`, also \`1h30m\`. Sizes: \`64MiB\`, \`10GiB\`, \`500MB\`.
- Secrets need not stand in the file: \`\${env:NAME}\` and \`\${file:/path}\` are replaced in any text.
- Variables take lists and objects as YAML or JSON: \`SPILLWAY_INPUTS_SYSLOG='[{port: 514}]'\`.
- An editor that knows YAML schemas completes and checks the file with this first line:
  \`# yaml-language-server: $schema=./node_modules/spillway/docs/spillway.schema.json\`
`;

/** The schemas of the stages by kind: they live with the stages, which this folder does not know. */
export type StageSchemas = Readonly<Record<string, TSchema>>;

export function configReference(stages: StageSchemas): string {
  const lines = [INTRODUCTION];
  const options = propertiesOf(ConfigSchema);
  const plain = options.filter(([, option]) => propertiesOf(option).length === 0);
  lines.push('## Top level', '', ...plain.flatMap(([name, option]) => optionLines(name, option, [name])));
  lines.push(...plain.flatMap(([name, option]) => entryLines(name, option, [name])));
  for (const [name, option] of options) {
    if (propertiesOf(option).length > 0) lines.push(...sectionLines(option, [name], 2));
  }
  lines.push('## Stages', '', 'What can stand in `topology`, by its `stage`.', '');
  for (const [kind, schema] of Object.entries(stages)) lines.push(...stageLines(kind, schema));
  return `${lines.join('\n').trimEnd()}\n`;
}

function stageLines(kind: string, schema: TSchema): string[] {
  const { description } = shapeOf(schema);
  const options = propertiesOf(schema).filter(([name]) => name !== 'stage');
  return [
    `### \`stage: ${kind}\``,
    '',
    ...(description === undefined ? [] : [description, '']),
    ...options.flatMap(([name, option]) => stageOptionLines(name, option, isRequired(schema, name))),
  ];
}

function stageOptionLines(name: string, option: TSchema, required: boolean): string[] {
  const need = required ? '; needed' : '';
  const { description = '', examples = [] } = shapeOf(option);
  const such = examples.length === 0 ? '' : `, such as \`${examples.map(inline).join('`, `')}\``;
  return [`- **\`${name}\`**: ${description}`, `  *${upperFirst(expectation(option))}${such}${need}*`, ''];
}

function isRequired(schema: TSchema, name: string): boolean {
  return shapeOf(schema).required?.includes(name) === true;
}

function sectionLines(section: TSchema, path: readonly string[], level: number): string[] {
  const lines = [`${'#'.repeat(level)} \`${path.join('.')}\``, ''];
  const { description } = shapeOf(section);
  if (description !== undefined) lines.push(description, '');
  const options = propertiesOf(section);
  const plain = options.filter(([, option]) => propertiesOf(option).length === 0);
  lines.push(...plain.flatMap(([name, option]) => optionLines(name, option, [...path, name])));
  lines.push(...plain.flatMap(([name, option]) => entryLines(name, option, [...path, name])));
  for (const [name, option] of options) {
    if (propertiesOf(option).length > 0) lines.push(...sectionLines(option, [...path, name], 3));
  }
  return lines;
}

function optionLines(name: string, option: TSchema, path: readonly string[]): string[] {
  const shape = shapeOf(option);
  const facts = [upperFirst(expectation(option))];
  if (shape.default !== undefined) facts.push(`default \`${inline(shape.default)}\``);
  const others = shape['x-with'] ?? [];
  if (shape['x-needed'] === true) facts.push('its engine needs it');
  if (others.length > 0) facts.push(`only together with \`${others.join('` and `')}\``);
  if (!path.some((part) => part.includes('[') || part.includes('<'))) facts.push(`\`${variableOf(path)}\``);
  const lines = [`- **\`${name}\`**: ${shape.description ?? ''}`, `  *${facts.join('; ')}*`];
  for (const example of shape.examples ?? []) {
    const yaml = ['```yaml', ...yamlOf(path, example).split('\n'), '```'];
    lines.push('', ...yaml.map((line) => `  ${line}`));
  }
  lines.push('');
  return lines;
}

/** The section of a list's or map's entries, after the options beside it. */
function entryLines(name: string, option: TSchema, path: readonly string[]): string[] {
  const entry = entriesOf(option);
  if (entry === undefined || shapeOf(entry).additionalProperties !== false) return [];
  const entryName = typeOf(option) === 'object' ? `${name}.<name>` : `${name}[]`;
  return sectionLines(entry, [...path.slice(0, -1), entryName], 3);
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function inline(value: unknown): string {
  return stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trim();
}

function yamlOf(path: readonly string[], example: unknown): string {
  const named = path.flatMap((part) => part.replace('[]', '').replace('<name>', 'shop').split('.'));
  return stringify(
    named.reduceRight<unknown>((inner, part) => ({ [part]: inner }), example),
    { lineWidth: 100 },
  ).trim();
}
