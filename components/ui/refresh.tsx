"use client";

import { usePathname, useRouter, useSearchParams } from "next/navigation";
import { useOffline } from "next/offline";
import {
  createContext,
  type ReactNode,
  use,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
  useTransition,
} from "react";

/** `away`: there is no server, or it cannot render. `other build`: its pages are not those that this browser has. */
export type ServerAnswer = "ready" | "away" | "other build";

interface Refreshing {
  /**
   * Loads the page's data anew, as soon as the server can and nobody holds the page. Calls while one is under way
   * become one more.
   */
  refresh: () => void;
  /** Keeps the page as it is until the function that it gives is called. */
  hold: () => () => void;
  pending: boolean;
  /**
   * `lost`: what is shown is old, and will be loaded anew when the server is back. `outdated`: only a full load shows
   * more.
   */
  state: "current" | "lost" | "outdated";
  /** The server's time, in milliseconds, at which it rendered what is shown. */
  asOf: number;
}

const Refresh = createContext<Refreshing | null>(null);

const RETRY_MS = 2000;
/** A load that takes longer is doubted: the server may have gone meanwhile. */
const SLOW_LOAD_MS = 5000;

/**
 * The one place that refreshes. Next answers a refresh that fails, or that another build answers, with a full load of
 * the page: the browser's error page, or a form without its text. So the server is asked first, with a small request.
 */
export function RefreshProvider({
  ask,
  serverNow,
  children,
}: {
  ask: () => Promise<ServerAnswer>;
  /** When the server rendered this. */
  serverNow: number;
  children: ReactNode;
}) {
  const router = useRouter();
  const offline = useOffline();
  const [loading, start] = useTransition();
  const [asking, setAsking] = useState(false);
  const [answer, setAnswer] = useState<ServerAnswer>("ready");
  const [holders, setHolders] = useState(0);
  const [wanted, setWanted] = useState(false);
  const held = holders > 0;
  useGate(held, serverNow);
  // What waits at the gate is not on its way.
  const underWay = loading && !held;

  useEffect(() => {
    if (!wanted || asking || loading || held || answer !== "ready") return;
    setWanted(false);
    setAsking(true);
    void ask().then((next) => {
      setAsking(false);
      setAnswer(next);
      if (next !== "ready") return setWanted(true);
      start(() => router.refresh());
    });
  }, [wanted, asking, loading, held, answer, ask, router]);

  // It is asked again until it is back; then what was wanted is done. One question at a time, so that no old answer
  // follows a new one.
  const askAfter = answer === "away" ? RETRY_MS : answer === "ready" && underWay ? SLOW_LOAD_MS : null;
  useEffect(() => {
    if (askAfter === null) return;
    let timer: ReturnType<typeof setTimeout>;
    let over = false;
    const askLater = () => {
      timer = setTimeout(async () => {
        const next = await ask();
        if (over) return;
        setAnswer(next);
        askLater();
      }, askAfter);
    };
    askLater();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [askAfter, ask]);

  const refresh = useCallback(() => setWanted(true), []);
  const hold = useCallback(() => {
    setHolders((count) => count + 1);
    return () => setHolders((count) => count - 1);
  }, []);

  const pending = asking || underWay;
  const asOf = useAsOf(serverNow);
  const state = answer === "other build" ? "outdated" : answer === "away" || offline ? "lost" : "current";
  const value = useMemo(
    () => ({ refresh, hold, pending, state, asOf }) satisfies Refreshing,
    [refresh, hold, pending, state, asOf],
  );
  return <Refresh.Provider value={value}>{children}</Refresh.Provider>;
}

/**
 * While `held`, what a refresh brings that began before is not shown: it is a transition, and waits. A change of the
 * address does not wait.
 */
function useGate(held: boolean, serverNow: number): void {
  const address = useAddress();
  const shown = useRef({ serverNow, address });
  useEffect(() => {
    shown.current = { serverNow, address };
  }, [serverNow, address]);
  const gate = useMemo(() => (held ? Promise.withResolvers<void>() : null), [held]);
  useEffect(() => () => gate?.resolve(), [gate]);
  if (gate && serverNow !== shown.current.serverNow && address === shown.current.address) use(gate.promise);
}

function useAddress(): string {
  return `${usePathname()}?${useSearchParams()}`;
}

/** A refresh renders the layout too, which brings the server's time along; a change of the address does not. */
function useAsOf(serverNow: number): number {
  const address = useAddress();
  const [asOf, setAsOf] = useState(serverNow);
  const behind = useRef(0);
  useEffect(() => {
    behind.current = serverNow - Date.now();
    setAsOf(serverNow);
  }, [serverNow]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is shown is new when the address is
  useEffect(() => setAsOf(Date.now() + behind.current), [address]);
  return asOf;
}

export function useRefresh(): Refreshing {
  const value = useContext(Refresh);
  if (value === null) throw new Error("Pages are refreshed inside of <RefreshProvider>.");
  return value;
}

/** Keeps the page as it is while `active`: what somebody is in the middle of must not move or vanish. */
export function useHold(active: boolean): void {
  const { hold } = useRefresh();
  useEffect(() => (active ? hold() : undefined), [active, hold]);
}
