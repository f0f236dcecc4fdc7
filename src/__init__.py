"""Git Assistant: a Telegram bot and a webhook relay for GitHub and GitLab. An application, never a wheel."""
