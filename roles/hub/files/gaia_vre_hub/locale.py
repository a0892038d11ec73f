"""What the hub says, in English and French."""

from __future__ import annotations

from collections.abc import Mapping

LANGUAGES = ("en", "fr")

MESSAGES: dict[str, dict[str, str]] = {
    "heading": {"en": "Choose your environments", "fr": "Choisissez vos environnements"},
    "for_user": {"en": "The session will belong to", "fr": "La session appartiendra à"},
    "error": {"en": "Error:", "fr": "Erreur :"},
    "start": {"en": "Start", "fr": "Démarrer"},
    "compositions": {"en": "Ready-made", "fr": "Prêt à l'emploi"},
    "own": {"en": "My own choice", "fr": "Mon propre choix"},
    "own_help": {
        "en": "Pick the environments that you need together in one session.",
        "fr": "Cochez les environnements dont vous avez besoin ensemble dans une session.",
    },
    "environments": {"en": "Environments", "fr": "Environnements"},
    "system": {"en": "Interface", "fr": "Interface"},
    "resources": {"en": "Resources", "fr": "Ressources"},
    "resources_default": {"en": "As recommended", "fr": "Selon la recommandation"},
    "documentation": {"en": "Documentation", "fr": "Documentation"},
    "nothing": {
        "en": "Nothing is on offer for you yet. Ask the administrators of this hub.",
        "fr": "Rien ne vous est encore proposé. Adressez-vous aux administrateurs de ce hub.",
    },
    "processor": {"en": "{value} processor", "fr": "{value} processeur"},
    "processors": {"en": "{value} processors", "fr": "{value} processeurs"},
    "memory": {"en": "{value} GiB of memory", "fr": "{value} Gio de mémoire"},
    "unknown_key": {
        "en": "The choice has an unknown part, {value}. Choose on the launch page.",
        "fr": "Le choix contient une partie inconnue, {value}. Choisissez sur la page de lancement.",
    },
    "shape": {
        "en": "The choice of {key} is not well-formed. Choose on the launch page.",
        "fr": "Le choix de {key} est mal formé. Choisissez sur la page de lancement.",
    },
    "empty": {
        "en": "Nothing was chosen. Choose on the launch page.",
        "fr": "Rien n'a été choisi. Choisissez sur la page de lancement.",
    },
    "both": {
        "en": "Choose a composition or single environments, not both.",
        "fr": "Choisissez une composition ou des environnements, pas les deux.",
    },
    "unknown": {
        "en": "There is no {value} here (any more). Choose on the launch page.",
        "fr": "Il n'y a pas (ou plus) de {value} ici. Choisissez sur la page de lancement.",
    },
    "unknown_version": {
        "en": "This version of {value} ({digest}…) is no longer here. Take the link without versions, or choose on the "
        "launch page.",
        "fr": "Cette version de {value} ({digest}…) n'est plus ici. Prenez le lien sans versions, ou choisissez sur la "
        "page de lancement.",
    },
    "draining": {
        "en": "No new session can be started at the moment. {value}",
        "fr": "Aucune nouvelle session ne peut démarrer pour le moment. {value}",
    },
    "closed": {
        "en": "{value} is not open to you. Ask the administrators of this hub for access.",
        "fr": "{value} ne vous est pas ouvert. Demandez l'accès aux administrateurs de ce hub.",
    },
    "no_free_choice": {
        "en": "This hub offers ready-made compositions only. Choose one on the launch page.",
        "fr": "Ce hub ne propose que des compositions prêtes. Choisissez-en une sur la page de lancement.",
    },
    "absent": {
        "en": "{value} is not ready on this machine. Tell the administrators of this hub; they can run publish again.",
        "fr": "{value} n'est pas prêt sur cette machine. Prévenez les administrateurs de ce hub, qui peuvent publier "
        "à nouveau.",
    },
    "unusable": {
        "en": "Sessions cannot be started at the moment. Tell the administrators of this hub; its log has the reason.",
        "fr": "Aucune session ne peut démarrer pour le moment. Prévenez les administrateurs de ce hub ; son journal en "
        "donne la raison.",
    },
    "engine": {
        "en": "The container engine of this hub does not answer. Tell the administrators of this hub.",
        "fr": "Le moteur de conteneurs de ce hub ne répond pas. Prévenez les administrateurs de ce hub.",
    },
    "wrong_spawner": {
        "en": "This hub cannot mount environments with {value}. Tell the administrators of this hub: "
        "it has to be DockerSpawner.",
        "fr": "Ce hub ne peut pas monter d'environnements avec {value}. Prévenez les administrateurs de ce hub : "
        "il faut DockerSpawner.",
    },
    "keeps_containers": {
        "en": "This hub keeps the containers of former sessions. Tell its administrators: "
        "DockerSpawner.remove has to be True.",
        "fr": "Ce hub garde les conteneurs des sessions passées. Prévenez ses administrateurs : "
        "DockerSpawner.remove doit être True.",
    },
    "no_login": {
        "en": "Logins do not work at the moment. Tell the administrators of this hub; its log has the reason.",
        "fr": "Les connexions ne fonctionnent pas pour le moment. Prévenez les administrateurs de ce hub ; son journal "
        "en donne la raison.",
    },
    "no_manifest": {
        "en": "This hub has nothing to offer yet. Its administrators have to run publish.",
        "fr": "Ce hub n'a encore rien à proposer. Ses administrateurs doivent publier l'offre.",
    },
}


def language(accept: str) -> str:
    """The language to answer in, from the header ``Accept-Language`` (RFC 9110, 12.5.4)."""
    wishes: list[tuple[float, str]] = []
    for position, part in enumerate(accept.split(",")):
        tag, _sep, rest = part.strip().partition(";")
        try:
            quality = float(rest.strip().removeprefix("q=")) if rest else 1.0
        except ValueError:
            quality = 0.0
        if quality > 0 and tag:
            wishes.append((-quality + position * 1e-6, tag.lower()[:2]))
    for _quality, wish in sorted(wishes):
        if wish in LANGUAGES:
            return wish
    return "en"


def say(message: str, lang: str, **values: str) -> str:
    """A message; values are put in as they are, whoever shows them escapes the whole."""
    return MESSAGES[message][lang].format(**values)


def text(texts: Mapping[str, str], lang: str, default: str = "") -> str:
    """A text of the manifest in ``lang``, else in English, else ``default``."""
    return texts.get(lang) or texts.get("en") or next(iter(texts.values()), default)
