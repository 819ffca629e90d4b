import { aiTools } from '../bootstrap/bundles/ai-tools.ts';
import { findAiTool } from '../bootstrap/plan-bundles.ts';

export interface AiToolReport {
  name: string;
  title: string;
  maker: string;
  about: string;
  packageName: string;
  licence: string;
  program: string;
  keyVariables: readonly string[];
  login: string;
  homepage: string;
}

/** All that there are. Asks nobody: it is part of spuff. */
export function describeAiTools(): AiToolReport[] {
  return aiTools.map(({ commands: _commands, ...report }) => report);
}

/** @throws SpuffError `config` naming the tools that there are */
export function describeAiTool(name: string): AiToolReport {
  const { commands: _commands, ...report } = findAiTool(name);
  return report;
}
