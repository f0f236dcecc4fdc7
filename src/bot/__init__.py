"""The Telegram bot: commands, dialogs, keyboards."""
