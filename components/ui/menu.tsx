"use client";

import { Menu as Base } from "@base-ui/react/menu";
import { type ReactElement, type ReactNode, useState } from "react";
import { classes } from "./classes.ts";

export interface MenuChoice {
  value: string;
  label: string;
  icon?: ReactNode;
}

/** A menu in which one entry is chosen. */
export function ChoiceMenu({
  trigger,
  label,
  choices,
  value,
  onChange,
}: {
  trigger: ReactElement;
  label: string;
  choices: MenuChoice[];
  value: string;
  onChange: (value: string) => void;
}) {
  // Beside its trigger instead of at the document's end, so that it is in the same landmark.
  const [container, setContainer] = useState<HTMLElement | null>(null);
  return (
    <Base.Root>
      <Base.Trigger render={trigger} />
      <span ref={setContainer} className="absolute" />
      <Base.Portal container={container}>
        <Base.Positioner sideOffset={6} align="end" className="z-50">
          <Base.Popup
            aria-label={label}
            className="min-w-40 rounded-lg border border-line bg-surface p-1 text-ink shadow-lg outline-none"
          >
            <Base.RadioGroup value={value} onValueChange={(next) => onChange(String(next))}>
              {choices.map((choice) => (
                <Base.RadioItem
                  key={choice.value}
                  value={choice.value}
                  closeOnClick
                  className={classes(
                    "flex h-8 cursor-default items-center gap-2 rounded-md px-2 outline-none data-highlighted:bg-hover",
                    "data-checked:font-medium data-checked:text-accent [&_svg]:size-4",
                  )}
                >
                  {choice.icon}
                  {choice.label}
                </Base.RadioItem>
              ))}
            </Base.RadioGroup>
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}
