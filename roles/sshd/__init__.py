"""sshd: keys only, named users only, and no algorithm that ssh-audit's policy "Hardened Debian 12" does not name.

That policy also wants an RSA host key of 4096 bits and Diffie-Hellman groups of 3071 bits or more. Both come from
a script that runs before sshd starts or reloads; the distribution's own keys and moduli stay as they are. A client
must know the host's Ed25519 key (or its new RSA key): the ECDSA key is no longer offered.
"""

from __future__ import annotations

from pathlib import Path

from roles.model import Check, CommandProbe, File, Requirements, Role, TcpProbe, Unit
from roles.sshd.spec import SshdSpec
from roles.systemd import unit_text

UNIT = "ssh.service"
_SCRIPT = "/usr/local/sbin/ssh-host-material"
_RSA_KEY = "/etc/ssh/ssh_host_rsa_4096_key"
_MODULI = "/etc/ssh/moduli.strong"
_HOST_KEY_ALGORITHMS = (
    "ssh-ed25519",
    "ssh-ed25519-cert-v01@openssh.com",
    "sk-ssh-ed25519@openssh.com",
    "sk-ssh-ed25519-cert-v01@openssh.com",
    "rsa-sha2-512",
    "rsa-sha2-512-cert-v01@openssh.com",
    "rsa-sha2-256",
    "rsa-sha2-256-cert-v01@openssh.com",
)
_KEY_EXCHANGES = (
    "sntrup761x25519-sha512",
    "sntrup761x25519-sha512@openssh.com",
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group18-sha512",
    "diffie-hellman-group-exchange-sha256",
)
_CIPHERS = (
    "chacha20-poly1305@openssh.com",
    "aes256-gcm@openssh.com",
    "aes256-ctr",
    "aes192-ctr",
    "aes128-gcm@openssh.com",
    "aes128-ctr",
)
_MACS = ("hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "umac-128-etm@openssh.com")


def role(spec: SshdSpec) -> Role:
    """A hardened sshd; the old one comes back unless the controller gets in through the new one."""
    return Role(
        name="sshd",
        # The first release whose sshd knows every algorithm named here.
        requires=Requirements(systems=("debian:12", "debian:13")),
        packages={"openssh-server": ""},
        files={
            "/etc/ssh/sshd_config.d/10-soundstage.conf": File(
                content=_config(spec), mode="0600", on_change={UNIT: "reload"}
            ),
            _SCRIPT: File(content=Path(__file__).with_name("ssh-host-material").read_text(), mode="0755"),
            f"/etc/systemd/system/{UNIT}.d/soundstage.conf": File(content=_drop_in(), on_change={UNIT: "reload"}),
        },
        units={
            UNIT: Unit(
                reload_effect="sessions kept, new logins by the new rules",
                restart_effect="sessions kept, logins refused for a moment",
            )
        },
        validate_with=(Check(argv=("/usr/sbin/sshd", "-t")),),
        verify=(
            TcpProbe(address=str(spec.address), port=spec.port, unit=UNIT),
            CommandProbe(argv=("/usr/sbin/sshd", "-T"), contains=f"allowusers {spec.users[0]}", unit=UNIT),
        ),
        confirm_seconds=spec.confirm_seconds,
        remove_with=(("rm", "-f", _RSA_KEY, f"{_RSA_KEY}.pub", _MODULI),),
    )


def _config(spec: SshdSpec) -> str:
    settings = {
        "Port": spec.port,
        "AllowUsers": " ".join(spec.users),
        "AuthenticationMethods": "publickey",
        "PubkeyAuthentication": "yes",
        "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no",
        "PermitEmptyPasswords": "no",
        "PermitRootLogin": "no",
        "PermitUserEnvironment": "no",
        "PermitTunnel": "no",
        "X11Forwarding": "no",
        "AllowAgentForwarding": "no",
        "AllowStreamLocalForwarding": "no",
        "AllowTcpForwarding": "local" if spec.jump_host else "no",
        "GatewayPorts": "no",
        "LogLevel": "VERBOSE",
        "LoginGraceTime": 20,
        "MaxAuthTries": 6,
        "MaxSessions": 64,
        "MaxStartups": "100:30:300",
        "ClientAliveInterval": 15,
        "ClientAliveCountMax": 3,
        "UseDNS": "no",
        "ModuliFile": _MODULI,
        "HostKeyAlgorithms": ",".join(_HOST_KEY_ALGORITHMS),
        "KexAlgorithms": ",".join(_KEY_EXCHANGES),
        "Ciphers": ",".join(_CIPHERS),
        "MACs": ",".join(_MACS),
    }
    keys = ("/etc/ssh/ssh_host_ed25519_key", _RSA_KEY)
    lines = [*(f"HostKey {key}" for key in keys), *(f"{key} {value}" for key, value in settings.items())]
    return "# The first value sshd reads counts: this file comes before every other one.\n" + "\n".join(lines) + "\n"


def _drop_in() -> str:
    commands = {
        # Not fatal: with weaker material the host can still be reached and repaired.
        "ExecStartPre": ("", f"-{_SCRIPT}", "/usr/sbin/sshd -t"),
        "ExecReload": ("", f"-{_SCRIPT}", "/usr/sbin/sshd -t", "/bin/kill -HUP $MAINPID"),
    }
    return unit_text({"Service": commands}, "sshd gets its strong host key and moduli before it reads them.")
