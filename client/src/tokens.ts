/** What keeps a user logged in. In a browser the refresh token also lives in a cookie. */
export interface Tokens {
  accessToken: string;
  refreshToken: string;
}

/** Where tokens live; `save(undefined)` forgets them. A store may be shared by processes: it is read before every use. */
export interface TokenStore {
  load(): Tokens | undefined;
  save(tokens: Tokens | undefined): void;
}

export function memoryTokens(tokens?: Tokens): TokenStore {
  let held = tokens;
  return { load: () => held, save: (next) => void (held = next) };
}

/** What an access token says of itself, unverified: whose it is, and for how long it is good yet. */
export function decodeClaims(accessToken: string): { userId: number; secondsLeft: number } {
  try {
    const body = (accessToken.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
    const claims = JSON.parse(atob(body)) as { user_id?: number; exp?: number };
    return { userId: claims.user_id ?? 0, secondsLeft: (claims.exp ?? 0) - Date.now() / 1000 };
  } catch {
    return { userId: 0, secondsLeft: 0 };
  }
}
