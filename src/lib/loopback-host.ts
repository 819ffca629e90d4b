/** Whether a host name or address, as a URL has it, is this computer's own: nothing is looked up. */
export function isLoopbackHost(host: string): boolean {
  return ['localhost', '[::1]', '::1'].includes(host) || /^127(?:\.\d{1,3}){3}$/.test(host);
}
