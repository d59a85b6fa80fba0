import { HttpError } from './api-error.ts';

/** The headers that tell who sends a browser here. */
export interface GuardedRequest {
  readonly method: string;
  readonly host: string | undefined;
  readonly origin: string | undefined;
  /** `Sec-Fetch-Site`; every current browser sends it. */
  readonly fetchSite: string | undefined;
  /** `Sec-Fetch-Mode`. */
  readonly fetchMode: string | undefined;
  readonly contentType: string | undefined;
}

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD']);
const IPV4 = /^\d{1,3}(?:\.\d{1,3}){3}$/;

/**
 * Keeps other web sites out. A page that points its own name at our address (DNS rebinding) has a foreign `Host`;
 * a page that sends requests across origins (CSRF) has a foreign `Origin`, or can't set the JSON content type
 * without asking first, and we never agree.
 */
export class RequestGuard {
  readonly #allowedHosts: ReadonlySet<string>;

  /** `allowedHosts`: names besides `localhost` under which browsers reach this console. */
  constructor(allowedHosts: readonly string[]) {
    this.#allowedHosts = new Set(['localhost', ...allowedHosts.map((host) => host.toLowerCase())]);
  }

  /** @throws HttpError 403 or 415. */
  check(request: GuardedRequest): void {
    const name = hostName(request.host);
    if (name === undefined || !this.#isOurs(name)) {
      throw new HttpError(
        403,
        'HOST_NOT_ALLOWED',
        `The console does not answer to the host ${request.host ?? '(none)'}.`,
        'Use an IP address or localhost, or add the name to console.allowedHosts.',
      );
    }
    const { method, origin, fetchSite, fetchMode } = request;
    const foreignSite = fetchSite !== undefined && fetchSite !== 'same-origin' && fetchSite !== 'none';
    // Following a link from elsewhere is fine: the other page learns nothing.
    const link = SAFE_METHODS.has(method) && fetchMode === 'navigate';
    if (foreignSite && !link) throw foreign(fetchSite);
    if (origin !== undefined && originHost(origin) !== request.host?.toLowerCase()) throw foreign(origin);
    if (!SAFE_METHODS.has(method) && !/^application\/json\s*(?:;|$)/i.test(request.contentType ?? '')) {
      throw new HttpError(415, 'JSON_ONLY', 'The body must be JSON.', 'Send content-type: application/json.');
    }
  }

  /** A browser can't be tricked into showing a foreign name in place of an address. */
  #isOurs(name: string): boolean {
    return IPV4.test(name) || name.startsWith('[') || this.#allowedHosts.has(name);
  }
}

function hostName(host: string | undefined): string | undefined {
  return /^(\[[\da-f:.]+\]|[^:/\s@]+)(?::\d{1,5})?$/i.exec(host ?? '')?.[1]?.toLowerCase();
}

function originHost(origin: string): string | undefined {
  return /^https?:\/\/([^/]+)$/i.exec(origin)?.[1]?.toLowerCase();
}

function foreign(from: string): HttpError {
  return new HttpError(
    403,
    'FOREIGN_ORIGIN',
    `Requests from another site are refused (${from}).`,
    'Use the console from its own address.',
  );
}
