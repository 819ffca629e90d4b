/** A process that repairs the state it is told, and can be killed in the middle of it. */
import { recoverState } from '../../src/state/recover-state.ts';

recoverState(process.argv[2] ?? '');
