"""The platform of one stack: from its settings to what serves its listeners."""

from __future__ import annotations

import pulumi

import settings
from components.continuing import continue_beside_failures
from components.ending import end_with_the_engine
from components.fleet import Fleet, FleetArgs
from components.keepalived_pair import KeepalivedPair, KeepalivedPairArgs
from components.key_value_store import KeyValueStore, KeyValueStoreArgs
from components.load_balancer import LoadBalancer, LoadBalancerArgs
from components.web_servers import WebServers, WebServersArgs

end_with_the_engine()
continue_beside_failures()
stack = settings.load()

fleet = Fleet(
    "fleet",
    FleetArgs(
        machines=stack.machines,
        management_sources=stack.access.management,
        logins=stack.logins,
        baselines=stack.baselines,
        kernel_profile=stack.kernel_profile,
    ),
)
edge = fleet.named(stack.balancer_hosts)
inside = tuple(host.machine.network for host in edge)

web_args = WebServersArgs(
    hosts=fleet.named(stack.web_hosts),
    labels=stack.web_labels,
    balancer_sources=inside,
    drain_notice_seconds=stack.load_balancer.health_check.notice_seconds,
    options=stack.web_servers,
)
web = WebServers("web", web_args)
stores = [
    KeyValueStore("key-value", KeyValueStoreArgs(host=host, sources=inside, options=stack.key_value_store))
    for host in fleet.named(stack.key_value_hosts)
]
balancer_args = LoadBalancerArgs(
    hosts=edge,
    services=(web.service(stack.load_balancer.port), *(store.service for store in stores)),
    client_sources=stack.access.clients,
    management_sources=stack.access.management,
    after=web.roles,
    options=stack.load_balancer,
)
balancer = LoadBalancer("balancer", balancer_args)
front = KeepalivedPair("virtual-ip", KeepalivedPairArgs(hosts=edge, balancer=balancer, options=stack.virtual_ip))
fleet.call_the_roll((*web.roles, *(store.role for store in stores), *balancer.roles, *front.roles))
for store in stores:
    pulumi.export("key_value_url", front.url(store.service.port))
front_outputs = {"virtual_ip": front.virtual_ip, "web_url": front.url(stack.load_balancer.port)}
for name, value in {"hosts": fleet.summary(), **front_outputs, **balancer.statistics}.items():
    pulumi.export(name, value)
