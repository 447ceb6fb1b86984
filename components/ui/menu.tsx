"use client";

import {
  type ComponentProps,
  cloneElement,
  lazy,
  type ReactElement,
  type ReactNode,
  Suspense,
  useCallback,
  useRef,
  useState,
} from "react";
import type { MenuChoice } from "./menu-panel.tsx";

/** Loaded when the pointer or the focus comes to a menu's button for the first time. */
const loadPanel = () => import("./menu-panel.tsx");
const MenuPanel = lazy(loadPanel);
const Choices = lazy(async () => ({ default: (await loadPanel()).MenuChoices }));

type TriggerProps = Pick<
  ComponentProps<"button">,
  "onClick" | "onKeyDown" | "onPointerEnter" | "onFocus" | "aria-haspopup" | "aria-expanded"
>;

/** A button with a menu. `load` loads the menu's content, where that is a part of its own. */
export function Menu({
  trigger,
  label,
  className,
  load = loadPanel,
  children,
}: {
  trigger: ReactElement<TriggerProps>;
  label: string;
  className?: string;
  load?: () => Promise<unknown>;
  children: (close: () => void) => ReactNode;
}) {
  const [open, setOpen] = useState(false);
  const frame = useRef<HTMLSpanElement>(null);
  const leave = useCallback(() => setOpen(false), []);
  const close = () => {
    setOpen(false);
    frame.current?.querySelector("button")?.focus();
  };
  const prepare = () => {
    load().catch(() => {});
  };
  return (
    <span ref={frame} className="relative inline-flex">
      {cloneElement(trigger, {
        "aria-haspopup": "menu",
        "aria-expanded": open,
        onClick: () => setOpen(!open),
        onPointerEnter: prepare,
        onFocus: prepare,
        onKeyDown: (event) => {
          if (event.key !== "ArrowDown" || open) return;
          event.preventDefault();
          setOpen(true);
        },
      })}
      {open ? (
        <Suspense fallback={null}>
          <MenuPanel label={label} className={className} frame={frame} onLeave={leave} close={close}>
            {children(close)}
          </MenuPanel>
        </Suspense>
      ) : null}
    </span>
  );
}

/** A menu in which one entry is chosen. `trigger` is a button. */
export function ChoiceMenu({
  trigger,
  label,
  choices,
  value,
  onChange,
}: {
  trigger: ReactElement<TriggerProps>;
  label: string;
  choices: readonly MenuChoice[];
  value: string;
  onChange: (value: string) => void;
}) {
  return (
    <Menu trigger={trigger} label={label}>
      {(close) => (
        <Choices
          choices={choices}
          value={value}
          onChoose={(next) => {
            onChange(next);
            close();
          }}
        />
      )}
    </Menu>
  );
}
