/** What the shapes of `--json` say about bundles and AI tools. */
import * as z from 'zod/mini';
import { envelope, nullable, ofInstance } from './json-parts.ts';

const bundle = z.strictObject({
  name: z.string(),
  title: z.string(),
  note: nullable(z.string()),
  defaultVersion: z.string(),
  versions: z.array(z.strictObject({ version: z.string(), exact: z.string(), aliases: z.array(z.string()) })),
  tools: z.array(
    z.strictObject({ tool: z.string(), kind: z.string(), from: z.string(), required: z.boolean() }),
  ),
});

const aiTool = z.strictObject({
  name: z.string(),
  title: z.string(),
  maker: z.string(),
  about: z.string(),
  packageName: z.string(),
  licence: z.string(),
  program: z.string(),
  keyVariables: z.array(z.string()),
  login: z.string(),
  homepage: z.string(),
});

export const bundleShapes = {
  bundles: {
    about:
      '`bundles`: `exact` is what `version` is today, or the same where the distribution decides. `tools` are those of ' +
      '`defaultVersion`.',
    schema: envelope({ distribution: z.enum(['debian-12', 'debian-13']), bundles: z.array(bundle) }),
  },
  'ai-tools': {
    about: '`ai list`, and `ai info` with one: `keyVariables` are those that the tool reads its key from.',
    schema: envelope({ tools: z.array(aiTool) }),
  },
  'ai-status': {
    about: '`ai status`: `toolVersion` is null when the tool is not there or does not say.',
    schema: envelope({
      ...ofInstance,
      tools: z.array(
        z.strictObject({ name: z.string(), installed: z.boolean(), toolVersion: nullable(z.string()) }),
      ),
    }),
  },
  'ai-install': {
    about: '`ai install`. With something in `failed` the command ends with an error.',
    schema: envelope({
      ...ofInstance,
      installed: z.array(z.strictObject({ name: z.string(), toolVersion: nullable(z.string()) })),
      failed: z.array(
        z.strictObject({
          name: z.string(),
          code: z.string(),
          message: z.string(),
          hints: z.array(z.string()),
        }),
      ),
    }),
  },
} as const;
