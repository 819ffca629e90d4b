import { makeHarness } from '../simulators/aws/harness.ts';
import { describeCloudConformance } from './cloud-conformance.ts';
import { describeProviderConformance } from './provider-conformance.ts';

describeProviderConformance('aws, on a simulator', () => makeHarness());
describeCloudConformance('aws', () => makeHarness());
