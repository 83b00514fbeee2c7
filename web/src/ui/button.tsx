import type { ComponentProps } from "react";
import { Icon, type IconName } from "./icons.tsx";

/** A button that shows a sign and says what it does. */
export function IconButton({ icon, label, ...rest }: { icon: IconName; label: string } & ComponentProps<"button">) {
  return (
    <button type="button" className="icon-button" aria-label={label} title={label} {...rest}>
      <Icon name={icon} />
    </button>
  );
}
