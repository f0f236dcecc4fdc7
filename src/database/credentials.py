"""From a stored token to a client that speaks with it."""

from collections.abc import Mapping

from src.database.crypto import SecretBox, UndecryptableError
from src.database.models import Account, Forge
from src.forge import Connector, ForgeClient, ForgeType, Unauthorized


class Credentials:
    """Opens forge clients. The only place where a stored token is decrypted for use."""

    def __init__(self, types: Mapping[str, ForgeType], connectors: Mapping[str, Connector], box: SecretBox) -> None:
        """`types` and `connectors` by forge kind."""
        self.types = types
        self.box = box
        self._connectors = connectors

    def client(self, forge: Forge, account: Account) -> ForgeClient:
        """A client of the account's instance with the account's token.

        Raises `Unauthorized` where the token cannot be decrypted any more: as with a revoked one, a new one mends it.
        """
        try:
            token = self.box.open(account.token)
        except UndecryptableError as error:
            raise Unauthorized(f"the stored token was {error}") from None
        return self.with_token(forge, token)

    def without_token(self, forge: Forge) -> ForgeClient:
        """A client for what a forge tells everybody."""
        return self._connectors[forge.kind].client(forge.base_url, None)

    def with_token(self, forge: Forge, token: str) -> ForgeClient:
        """A client with a token that is not stored (yet)."""
        return self._connectors[forge.kind].client(forge.base_url, token)
