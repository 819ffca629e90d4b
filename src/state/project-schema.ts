import { projectRule } from './project-rules.ts';
import type { JsonSchema } from './yaml-rules.ts';

/** What spuff.yaml may say, for editors: JSON Schema 2020-12. spuff itself refuses a little more, see docs/project.md. */
export function projectSchema(): JsonSchema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'spuff.yaml',
    description: "What a project's machine is made of.",
    ...projectRule.schema,
  };
}
