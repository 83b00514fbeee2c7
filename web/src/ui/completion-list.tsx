import { t } from "../i18n/index.ts";
import { Avatar } from "./avatar.tsx";
import type { Option } from "./use-completion.ts";

interface Props {
  id: string;
  options: readonly Option[];
  active: number;
  onChoose: (option: Option) => void;
}

/** What may take the place of what was begun; the field keeps the focus and tells which one is meant. */
export function CompletionList({ id, options, active, onChoose }: Props) {
  return (
    <ul id={id} role="listbox" aria-label={t("suggestions")} className="completion">
      {options.map((option, index) => (
        <li
          key={option.key}
          id={`${id}-${index}`}
          role="option"
          aria-selected={index === active}
          onPointerDown={(event) => {
            event.preventDefault();
            onChoose(option);
          }}
        >
          {option.person !== undefined && (
            <Avatar id={option.person.id} name={option.label} picture={option.person.picture} size="small" />
          )}
          <bdi>{option.label}</bdi>
          <bdi className="hint">{option.hint}</bdi>
        </li>
      ))}
    </ul>
  );
}
