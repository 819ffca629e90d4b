import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAgentConfig, renderAgentConfig, renderAgentEnvironment } from './agent-config.ts';

const limit = fc.option(fc.integer({ min: 1 }));

describe('agent.json', () => {
  it('reads back as what was written', () => {
    fc.assert(
      fc.property(fc.record({ user: fc.string(), deadline: limit, idleTimeoutSeconds: limit }), (config) => {
        expect(parseAgentConfig(renderAgentConfig(config))).toEqual(config);
      }),
    );
  });

  it('is never a configuration without a lease when it was cut short', () => {
    fc.assert(
      fc.property(fc.record({ user: fc.string(), deadline: limit, idleTimeoutSeconds: limit }), (config) => {
        const whole = renderAgentConfig(config).trimEnd();
        for (let length = 0; length < whole.length; length++)
          expect(parseAgentConfig(whole.slice(0, length))).toBeNull();
      }),
    );
  });

  it.each([
    '[]',
    'null',
    '{}',
    '{"user":"dev","deadline":null}',
    '{"user":"dev","deadline":"soon","idleTimeoutSeconds":null}',
    '{"user":"dev","deadline":-1,"idleTimeoutSeconds":null}',
    '{"user":"dev","deadline":1e300,"idleTimeoutSeconds":null}',
    '{"deadline":null,"idleTimeoutSeconds":null}',
  ])('is not %s', (text) => expect(parseAgentConfig(text)).toBeNull());
});

describe('agent.env', () => {
  it('is one line', () => {
    expect(renderAgentEnvironment('a'.repeat(64))).toBe(`SPUFF_AGENT_TOKEN_SHA256=${'a'.repeat(64)}\n`);
    expect(() => renderAgentEnvironment(`${'a'.repeat(63)}\n`)).toThrow(TypeError);
  });
});
