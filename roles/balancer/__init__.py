"""What every engine of the load balancer has in common: who may come in, and how to see that it serves."""

from __future__ import annotations

from collections.abc import Sequence

from roles.balancer.spec import BalancerSpec
from roles.model import HttpProbe, UnitName
from roles.nft import Admit
from roles.spec import Address, url_host

RESTART_EFFECT = "the other balancer takes the virtual IP first; open connections here end"


def admissions(spec: BalancerSpec) -> Sequence[Admit]:
    """Clients reach the frontends, the operator's sources the statistics; the health check stays on the host."""
    return (
        *(Admit(frontend.client_sources, (frontend.port,)) for frontend in spec.frontends),
        Admit(spec.statistics.sources, (spec.statistics.port,)),
    )


def serving_probes(spec: BalancerSpec, unit: UnitName) -> Sequence[HttpProbe]:
    """Every frontend answers by itself, and the statistics page wants to know who asks."""
    frontends = (
        f"{_local(frontend.addresses[0])}:{frontend.port}{frontend.health_path}" for frontend in spec.frontends
    )
    statistics = f"{url_host(spec.statistics.address)}:{spec.statistics.port}/"
    return (
        HttpProbe(url=spec.health_url, unit=unit),
        *(HttpProbe(url=f"http://{frontend}", unit=unit) for frontend in frontends),
        HttpProbe(url=f"http://{statistics}", status=401, unit=unit),
    )


def _local(address: Address) -> str:
    if address.is_unspecified:
        return "[::1]" if address.version == 6 else "127.0.0.1"
    return url_host(address)
