/** What a project's file may ask for by name. */
export const bundleNames = ['rust', 'go', 'python', 'node', 'elixir', 'java', 'zig', 'cpp', 'ruby'] as const;

export const aiToolNames = ['claude-code', 'codex', 'opencode', 'copilot'] as const;
