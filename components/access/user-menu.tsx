"use client";

import { ChevronDown, CircleUser } from "lucide-react";
import { lazy } from "react";
import { Button } from "../ui/button.tsx";
import { Menu } from "../ui/menu.tsx";
import { visible } from "../ui/visible.tsx";
import type { ViewerFacts } from "./fragments.ts";

/** Loaded when the pointer or the focus comes to the button. */
const loadMenu = () => import("./user-menu-content.tsx");
const Content = lazy(loadMenu);

/** Who looks at the page, what they chose for all pages, and the way out. Null: it could not be read who they are. */
export function UserMenu({ viewer, above = false }: { viewer: ViewerFacts | null; above?: boolean }) {
  return (
    <Menu
      label="You"
      load={loadMenu}
      className={above ? "bottom-full left-0 mb-1.5" : undefined}
      trigger={
        <Button kind="ghost">
          <CircleUser aria-hidden />
          <span className="max-w-40 truncate">
            <span className="sr-only">You: </span>
            {visible(viewer === null ? "unknown" : (viewer.person?.name ?? viewer.actor))}
          </span>
          <ChevronDown aria-hidden />
        </Button>
      }
    >
      {(close) => <Content viewer={viewer} close={close} />}
    </Menu>
  );
}
