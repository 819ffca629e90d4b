/** What the shapes of `--json` say about volumes. */
import * as z from 'zod/mini';
import { envelope, nullable } from './json-parts.ts';

export const volumeShapes = {
  volumes: {
    about:
      '`volume mount`, `unmount`, `ls`, `status` and `remount`: the folders that they mounted, took away or know. `instance` is null ' +
      'where the state knows the key no more. `answers`, `silent` and `broken` are of `status` alone.',
    schema: envelope({
      volumes: z.array(
        z.strictObject({
          instance: nullable(z.string()),
          key: z.string(),
          target: z.string(),
          mountPoint: z.string(),
          state: z.enum(['mounted', 'not-mounted', 'answers', 'silent', 'broken']),
        }),
      ),
    }),
  },
} as const;
