/** The reference page and the editors' schema of the configuration, stages included. */
import { configJsonSchema } from '../config/json-schema.ts';
import { configReference, type StageSchemas } from '../config/reference.ts';
import { STAGES } from '../process/stages/stages.ts';

const stages: StageSchemas = Object.fromEntries(Object.entries(STAGES).map(([kind, { schema }]) => [kind, schema]));

export const referencePage = (): string => configReference(stages);

export const editorSchema = (): string => configJsonSchema(stages);
