/** What `bundles` and `ai_tools` of a project's file may name. What each installs is in `bootstrap/bundles/`. */
export const bundleNames = ['rust', 'go', 'python', 'node', 'elixir', 'java', 'zig', 'cpp', 'ruby'] as const;
export type BundleName = (typeof bundleNames)[number];

export const aiToolNames = ['claude-code', 'codex', 'opencode', 'copilot'] as const;
export type AiToolName = (typeof aiToolNames)[number];
