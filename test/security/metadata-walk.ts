/** Asks a machine's metadata service for all that it tells, from the machine. */

export interface Told {
  /** By path; the folders that were walked are among them. */
  answers: Record<string, { status: number; body: string }>;
  /** Of the request for a token; null where the cloud has none. */
  tokenStatus: number | null;
  /** Why it could not be asked; null when it could. */
  error: string | null;
}

interface WalkOrder {
  /** What ends in a slash is a folder, and all in it is asked for. */
  paths?: readonly string[];
  headers?: Readonly<Record<string, string>>;
  withoutToken?: boolean;
}

const program = `
import json, sys, urllib.error, urllib.request

order = json.loads(sys.argv[1])
headers = order.get("headers", {})
told = {"answers": {}, "tokenStatus": None, "error": None}

def ask(path, method="GET", more={}):
    request = urllib.request.Request("http://169.254.169.254" + path, method=method, headers={**headers, **more})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()

def walk(path):
    status, body = ask(path)
    told["answers"][path] = {"status": status, "body": body}
    if status == 200 and path.endswith("/"):
        for name in body.splitlines():
            walk(path + name)

try:
    if not order.get("withoutToken"):
        status, token = ask("/latest/api/token", "PUT", {"x-aws-ec2-metadata-token-ttl-seconds": "60"})
        if status not in (404, 405):
            told["tokenStatus"] = status
        if status == 200:
            headers["x-aws-ec2-metadata-token"] = token
    for path in order["paths"]:
        walk(path)
except OSError as error:
    told["error"] = str(error)
print(json.dumps(told))
`;

/** The program that does it, and prints what was told as JSON. */
export function walkArguments(order: WalkOrder): string[] {
  return ['python3', '-c', program, JSON.stringify(order)];
}

/** At once, and not by a time-out. */
export function isRefused({ answers, error }: Told): boolean {
  return Object.keys(answers).length === 0 && /No route to host/.test(error ?? '');
}
