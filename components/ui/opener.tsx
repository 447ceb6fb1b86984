"use client";

import {
  type ComponentProps,
  type ComponentType,
  cloneElement,
  createContext,
  type MouseEvent,
  type ReactElement,
  type RefObject,
  useContext,
  useRef,
  useState,
} from "react";
import { useHold } from "./refresh.tsx";
import { toastFailed } from "./toast.ts";

/** Loads a part of the page, whose default export is a component. */
export type LoadPart<Props> = () => Promise<{ default: ComponentType<Props> }>;

interface Opened {
  open: boolean;
  setOpen: (open: boolean) => void;
  trigger: RefObject<HTMLElement | null>;
}

const OpenedContext = createContext<Opened | null>(null);

/** For a part that an <Opener> loaded: whether it is open, and what opened it. */
export function useOpened(): Opened {
  const opened = useContext(OpenedContext);
  if (opened === null) throw new Error("Only an <Opener> opens this.");
  return opened;
}

/**
 * A button that opens a part of the page, such as a form. The part is loaded when the pointer or the focus comes to the
 * button for the first time, so that pages load fast. The page is held while it is open.
 */
export function Opener<Props extends object>({
  trigger,
  load,
  props,
  byShift = false,
}: {
  trigger: ReactElement<ComponentProps<"button"> & { pending?: boolean }>;
  load: LoadPart<Props>;
  props: Props;
  /** Only a click with Shift opens it. Any other is the trigger's own. */
  byShift?: boolean;
}) {
  const [Part, setPart] = useState<ComponentType<Props> | null>(null);
  const [open, setOpen] = useState(false);
  const [pending, setPending] = useState(false);
  const ref = useRef<HTMLButtonElement>(null);
  useHold(open);

  const prepare = () => {
    load().catch(() => {});
  };
  const show = async () => {
    if (Part === null) {
      setPending(true);
      try {
        const part = await load();
        setPart(() => part.default);
      } catch {
        toastFailed("This part of the page could not be loaded.", "The server did not answer. Try again.");
        return;
      } finally {
        setPending(false);
      }
    }
    setOpen(true);
  };

  return (
    <>
      {cloneElement(trigger, {
        ref,
        pending: pending || trigger.props.pending,
        ...(byShift
          ? {
              onClick: (event: MouseEvent<HTMLButtonElement>) =>
                event.shiftKey ? void show() : trigger.props.onClick?.(event),
            }
          : {
              "aria-haspopup": "dialog",
              "aria-expanded": open,
              onPointerEnter: prepare,
              onFocus: prepare,
              onClick: () => void show(),
            }),
      })}
      {Part === null ? null : (
        <OpenedContext value={{ open, setOpen, trigger: ref }}>
          <Part {...props} />
        </OpenedContext>
      )}
    </>
  );
}
