/**
 * The agent's interface as data: the agent builds its router from this table, the CLI its requests, and the tests
 * their attacks. Nothing here needs zod, so that naming a path costs nothing at start-up; the schemas are in
 * `request-schemas.ts` and `response-schemas.ts` under the same names.
 */

/** Carries the token on every route but `/health`. Lower case, as Node gives header names. */
export const tokenHeader = 'x-spuff-token';

/** On the machine's loopback only. */
export const agentPort = 7575;

/** On the machine; root and the login user may connect. The CLI reaches it through SSH. */
export const agentSocketPath = '/run/spuff/agent.sock';

/** The `Host` that a client of the Unix socket sends. */
export const agentHostName = 'spuff-agent';

/** Asks `/exec` for frames instead of one JSON answer; `/logs/stream` always sends it. */
export const streamMediaType = 'application/x-ndjson';

export interface Route {
  method: 'GET' | 'POST';
  path: `/${string}`;
  /** Whether the token is needed. */
  authenticated: boolean;
  /** Most bytes of a request body; 0: none is read. */
  bodyLimitBytes: number;
  /** What counts as the user being there: `call` resets the idle clock, `none` does not. */
  activity: 'call' | 'none';
}

export const routes = {
  health: get('/health', { authenticated: false, activity: 'none' }),
  status: get('/status', { activity: 'none' }),
  metrics: get('/metrics', { activity: 'none' }),
  processes: get('/processes', { activity: 'none' }),
  exec: post('/exec', 256 * 1024, 'call'),
  execLog: get('/exec-log', { activity: 'none' }),
  heartbeat: post('/heartbeat', 4 * 1024, 'none'),
  logs: get('/logs', { activity: 'call' }),
  logsStream: get('/logs/stream', { activity: 'call' }),
  cloudInit: get('/cloud-init', { activity: 'none' }),
  activity: get('/activity', { activity: 'none' }),
  activityHistory: get('/activity/history', { activity: 'none' }),
  keep: post('/keep', 4 * 1024, 'call'),
  shutdown: post('/shutdown', 4 * 1024, 'call'),
  projectConfig: get('/project/config', { activity: 'none' }),
  projectStatus: get('/project/status', { activity: 'none' }),
  projectSetup: post('/project/setup', 4 * 1024, 'call'),
  devtools: get('/devtools', { activity: 'none' }),
  services: get('/services', { activity: 'call' }),
  servicesRestart: post('/services/restart', 4 * 1024, 'call'),
} as const satisfies Record<string, Route>;

export type RouteName = keyof typeof routes;

function get(path: Route['path'], rest: Pick<Route, 'activity'> & { authenticated?: boolean }): Route {
  return { method: 'GET', path, authenticated: true, bodyLimitBytes: 0, ...rest };
}

function post(path: Route['path'], bodyLimitBytes: number, activity: Route['activity']): Route {
  return { method: 'POST', path, authenticated: true, bodyLimitBytes, activity };
}

/** Every way in which the agent refuses, with the HTTP status that goes with it. */
export const agentErrors = {
  'bad-request': 400,
  unauthorized: 401,
  'wrong-host': 403,
  forbidden: 403,
  'not-found': 404,
  'method-not-allowed': 405,
  'request-timeout': 408,
  'too-large': 413,
  'unsupported-media-type': 415,
  'rate-limited': 429,
  'headers-too-large': 431,
  internal: 500,
  unavailable: 503,
  busy: 503,
} as const;

export type AgentErrorCode = keyof typeof agentErrors;
