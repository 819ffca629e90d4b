/** Machine tests that run one after the other, with machines of an owner of their own. */
export interface MachineLane {
  name: string;
  /** How the paths of its files begin. */
  beginnings: readonly string[];
}

/**
 * The machine tests wait more than they compute, so they run in lanes beside each other, each with machines of its own
 * owner: the end of a lane removes what bears its owner. What takes long is spread, so that they end at about the same time.
 */
export const machineLanes: readonly MachineLane[] = [
  { name: 'e2e', beginnings: [...'cdefghijklmnopqrstuvwxyz'].map((letter) => `test/e2e/${letter}`) },
  { name: 'lives', beginnings: ['test/contract/', 'test/security/l', 'test/security/v'] },
  {
    name: 'proofs',
    beginnings: [...'cfpsw'].map((letter) => `test/security/${letter}`).concat('test/e2e/a', 'test/e2e/b'),
  },
];
