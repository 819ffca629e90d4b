/** A process that writes to a local log. Arguments: task, home, and a number: of lines to `write`, of bytes before it is to `die`. */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const [task = '', home = '', count = '1'] = process.argv.slice(2);

/** The system takes so many bytes of what is written next, or all but so many (-1), and then the process is killed. */
function dieAfter(bytes: number): void {
  const { writeSync } = fs;
  fs.writeSync = ((fd: number, data: Uint8Array) => {
    writeSync(fd, data.subarray(0, bytes));
    process.kill(process.pid, 'SIGKILL');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  }) as typeof fs.writeSync;
  syncBuiltinESMExports();
}

if (task === 'die') dieAfter(Number(count));
const { makeAuditScene, sampleRequest } = await import('./sample-audit.ts');
const log = makeAuditScene(home).open();
for (let i = 0; i < (task === 'write' ? Number(count) : 1); i++) {
  log.require(sampleRequest(`/of/${process.pid}/${i}`));
}
log.close();
