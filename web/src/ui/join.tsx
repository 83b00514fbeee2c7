import type { RouteOutput } from "@om/protocol";
import { useEffect, useState } from "react";
import { errorText } from "../errors.ts";
import { t } from "../i18n/index.ts";
import { pathOfTalk, route } from "../route.ts";
import { Avatar } from "./avatar.tsx";
import { useHere } from "./context.ts";
import { Dialog } from "./dialog.tsx";

/** What an invite link leads to: the group, and the way into it. */
export function Join({ token }: { token: string }) {
  const { api } = useHere();
  const [group, setGroup] = useState<RouteOutput<"previewInvite">["group"] | undefined>();
  const [problem, setProblem] = useState<string | undefined>();
  const fail = (error: unknown): void => setProblem(errorText(error));
  useEffect(() => {
    const params = { token };
    api.previewInvite({ params }).then(
      (invite) => setGroup(invite.group),
      (error: unknown) =>
        api.invitation({ params }).then(
          () => setProblem(t("inviteForOthers")),
          () => setProblem(errorText(error)),
        ),
    );
  }, [api, token]);
  const join = (): void =>
    void api.joinByInvite({ params: { token } }).then(({ id }) => route.go(pathOfTalk(`group_${id}`), true), fail);
  return (
    <Dialog title={t("invitation")} onClose={() => route.place.invite === token && route.go("/", true)}>
      {group !== undefined && (
        <p className="person">
          <Avatar id={group.id} name={group.name} picture={group.icon} />
          <span>
            <strong>
              <bdi>{group.name}</bdi>
            </strong>
            <bdi className="hint">{group.description}</bdi>
          </span>
        </p>
      )}
      <p role="alert" className="problem">
        {problem}
      </p>
      <button type="button" className="primary" disabled={group === undefined} onClick={join}>
        {t("join")}
      </button>
    </Dialog>
  );
}
