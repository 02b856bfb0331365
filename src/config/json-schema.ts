import type { StageSchemas } from './reference.ts';
import { ConfigSchema } from './schema.ts';
import { propertiesOf } from './shape.ts';

/** The schema for editors: every option may be left out, stages are told apart, and our own marks are not in it. */
export function configJsonSchema(stages: StageSchemas): string {
  const { topology, ...others } = Object.fromEntries(propertiesOf(ConfigSchema));
  const told = { ...topology, items: { anyOf: Object.values(stages) } };
  const whole = { ...ConfigSchema, properties: { ...others, topology: told } };
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'spillway.yaml',
    ...forEditors(whole),
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
