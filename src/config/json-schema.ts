import { ConfigSchema } from './schema.ts';

/** The schema for editors: every option may be left out, and our own marks are not in it. */
export function configJsonSchema(): string {
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'spillway.yaml',
    ...forEditors(ConfigSchema),
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

function forEditors(schema: object): object {
  const entries = Object.entries(schema)
    .filter(
      ([name, value]) =>
        !name.startsWith('x-') && !name.startsWith('~') && !(name === 'required' && hasDefaults(schema, value)),
    )
    .map(([name, value]) => [name, forEditorsValue(value)]);
  return Object.fromEntries(entries);
}

function forEditorsValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(forEditorsValue);
  return typeof value === 'object' && value !== null ? forEditors(value) : value;
}

/** TypeBox requires what has a default, as the resolved configuration has it; what a user writes need not. */
function hasDefaults(schema: object, required: unknown): boolean {
  const properties = 'properties' in schema && typeof schema.properties === 'object' ? (schema.properties ?? {}) : {};
  const names = Array.isArray(required) ? required.map(String) : [];
  return names.every((name) => {
    const option: unknown = Reflect.get(properties, name);
    return typeof option === 'object' && option !== null && ('default' in option || 'properties' in option);
  });
}
