/** Run as a program: what all machine tests need, made once, before several of their runs begin side by side. */
import { ensureBaseImage, ensureEngine } from './lab.ts';

await ensureEngine();
await ensureBaseImage();
