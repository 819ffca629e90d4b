import { type AiToolDefinition, aiTools } from '../bootstrap/bundles/ai-tools.ts';
import { findAiTool } from '../bootstrap/plan-bundles.ts';

export type AiToolReport = Omit<AiToolDefinition, 'commands'>;

/** All that there are. Asks nobody: it is part of spuff. */
export function describeAiTools(): AiToolReport[] {
  return aiTools.map(report);
}

/** @throws SpuffError `config` naming the tools that there are */
export function describeAiTool(name: string): AiToolReport {
  return report(findAiTool(name));
}

function report({ commands: _commands, ...rest }: AiToolDefinition): AiToolReport {
  return rest;
}
