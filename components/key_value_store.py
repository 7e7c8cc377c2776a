"""The key-value store behind the balancer."""

from __future__ import annotations

import pulumi

from components.host import Host
from components.host_role import HostRole, HostRoleArgs
from components.load_balancer import Service
from components.releases import release
from components.values import Value
from roles import kv_store
from roles.balancer.spec import Server
from roles.kv_store.spec import KeyValueStoreSpec
from roles.spec import Network, Port


class KeyValueStoreOptions(Value):
    """`port` is the one on its host and the one clients use at the virtual IP."""

    port: Port = 8100


class KeyValueStoreArgs(Value):
    """`sources` may ask it directly: the balancers."""

    host: Host
    sources: tuple[Network, ...]
    options: KeyValueStoreOptions = KeyValueStoreOptions()


class KeyValueStore(pulumi.ComponentResource):
    """Exactly one active instance: the loss of its host is an outage, never a silent second copy."""

    service: Service
    """For the balancer in front of it."""
    role: HostRole

    def __init__(self, name: str, args: KeyValueStoreArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("soundstage:data:KeyValueStore", name, None, opts)
        machine = args.host.machine
        application = release("kv_store")
        spec = KeyValueStoreSpec(
            address=machine.address,
            port=args.options.port,
            sources=args.sources,
            release_sha256=application.sha256,
            release_source=application.source,
        )
        self.role = HostRole(
            f"{name}-{machine.name}",
            HostRoleArgs(machine=machine, role=kv_store.role(spec)),
            pulumi.ResourceOptions(parent=self, depends_on=[args.host]),
        )
        server = Server(name=machine.name, address=machine.address, port=args.options.port)
        self.service = Service(name=name, port=args.options.port, servers=(server,))
        self.register_outputs({"address": f"{machine.address}:{args.options.port}"})
