"""Who may use the bot, and whether anybody runs it."""

from src.doctor.findings import Finding, Inputs


def check(inputs: Inputs, *, has_admin: bool) -> Finding:
    """What ACCESS means here. `has_admin`: a code made somebody the admin."""
    if inputs.access == "open":
        says = "ACCESS=open: everybody on Telegram may use the bot."
        return Finding("access", "warn", says, "leave ACCESS unset, and let people in by codes")
    if inputs.access == "list":
        return Finding("access", "ok", "ACCESS=list: those in ADMIN_IDS and ALLOWED_IDS may use the bot.")
    if inputs.has_admin_ids or has_admin:
        return Finding("access", "ok", "ACCESS=pairing: the bot has an admin, who lets others in.")
    says = "ACCESS=pairing: nobody runs the bot yet; the next start prints a code in the log."
    return Finding("access", "warn", says, "start, and send the bot the line of the log: /start CODE")
