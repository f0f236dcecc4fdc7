"""Who may use the bot, and whether anybody runs it."""

from src.doctor.findings import Finding, Inputs


def check(inputs: Inputs, *, admins: int) -> Finding:
    """What ACCESS means here. `admins`: how many a code made."""
    if inputs.access == "open":
        says = "ACCESS=open: everybody on Telegram may use the bot."
        return Finding("access", "warn", says, "leave ACCESS unset, and let people in by codes")
    if inputs.access == "list":
        return Finding("access", "ok", "ACCESS=list: those in ADMIN_IDS and ALLOWED_IDS may use the bot.")
    total = admins + inputs.admin_ids
    if total:
        runs = "1 person runs the bot" if total == 1 else f"{total} people run the bot"
        return Finding("access", "ok", f"ACCESS=pairing: {runs}, and {'lets' if total == 1 else 'let'} others in.")
    says = "ACCESS=pairing: nobody runs the bot yet; the next start prints a code in the log."
    return Finding("access", "warn", says, "start, and send the bot the line of the log: /start CODE")
