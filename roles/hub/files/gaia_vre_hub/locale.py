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
    "search": {"en": "Search", "fr": "Rechercher"},
    "search_hint": {
        "en": "name, package, language, keyword",
        "fr": "nom, paquet, langage, mot-clé",
    },
    "keywords": {"en": "Filter by keyword", "fr": "Filtrer par mot-clé"},
    "found_none": {
        "en": "Nothing here matches. Clear the search to see everything.",
        "fr": "Rien ne correspond. Effacez la recherche pour tout revoir.",
    },
    "found": {"en": "{value} shown", "fr": "{value} affichés"},
    "more": {"en": "{value} more", "fr": "{value} de plus"},
    "last_failed": {"en": "last check failed", "fr": "dernière vérification en échec"},
    "your_session": {"en": "Your session:", "fr": "Votre session :"},
    "none_ticked": {"en": "no environment is ticked", "fr": "aucun environnement n'est coché"},
    "link": {"en": "Link to this choice", "fr": "Lien vers ce choix"},
    "link_help": {
        "en": "Whoever opens it, and may use what it names, starts the same environments.",
        "fr": "Qui l'ouvre, et a accès à ce qu'il nomme, démarre les mêmes environnements.",
    },
    "link_pinned": {
        "en": "With exactly these versions (works as long as this hub keeps them)",
        "fr": "Avec exactement ces versions (tant que ce hub les garde)",
    },
    "link_field": {"en": "Address", "fr": "Adresse"},
    "copy": {"en": "Copy", "fr": "Copier"},
    "copied": {"en": "Copied", "fr": "Copié"},
    "again": {
        "en": "Your last session had the versions that a link names; below are the present ones.",
        "fr": "Votre dernière session avait les versions nommées par un lien ; voici les versions actuelles.",
    },
    "again_link": {"en": "Start those versions again", "fr": "Redémarrer ces versions-là"},
    "until": {"en": "Until", "fr": "Jusqu'au"},
    "starting": {"en": "Your session is starting", "fr": "Votre session démarre"},
    "starting_help": {
        "en": "It opens here by itself. Most sessions take a few seconds.",
        "fr": "Elle s'ouvrira ici d'elle-même. La plupart prennent quelques secondes.",
    },
    "step_requested": {"en": "The session is requested.", "fr": "La session est demandée."},
    "step_images": {
        "en": "Looking whether every image is there…",
        "fr": "Vérification de la présence de chaque image…",
    },
    "step_create": {
        "en": "The images are there. Making the session and mounting the environments…",
        "fr": "Les images sont là. Création de la session et montage des environnements…",
    },
    "step_wait": {
        "en": "The session runs. Waiting for its Jupyter server to answer…",
        "fr": "La session tourne. En attente de la réponse de son serveur Jupyter…",
    },
    "step_ready": {"en": "The session is ready. Opening it…", "fr": "La session est prête. Ouverture…"},
    "log": {"en": "What happened so far", "fr": "Ce qui s'est passé jusqu'ici"},
    "cancel": {"en": "Cancel", "fr": "Annuler"},
    "cancelling": {"en": "Cancelling…", "fr": "Annulation…"},
    "cancel_failed": {
        "en": "It could not be cancelled now. Try again in a few seconds.",
        "fr": "Annulation impossible pour le moment. Réessayez dans quelques secondes.",
    },
    "failed": {"en": "Your session did not start", "fr": "Votre session n'a pas démarré"},
    "failed_why": {
        "en": "It could not be started; the hub's log has the reason. Try again, and if it fails again, tell the "
        "administrators of this hub.",
        "fr": "Elle n'a pas pu démarrer ; le journal du hub en donne la raison. Réessayez et, si cela échoue encore, "
        "prévenez les administrateurs de ce hub.",
    },
    "session_ended": {
        "en": "It ended before its Jupyter server answered. Try again, and if it fails again, tell the administrators.",
        "fr": "Elle s'est terminée avant la réponse de son serveur Jupyter. Réessayez et, si cela échoue encore, "
        "prévenez les administrateurs.",
    },
    "session_memory": {
        "en": "It needed more memory than it had. Choose resources with more memory.",
        "fr": "Elle a manqué de mémoire. Choisissez des ressources avec plus de mémoire.",
    },
    "session_silent": {
        "en": "It runs, but its Jupyter server does not answer. This machine may be busy: try again in a few minutes, "
        "and if it fails again, tell the administrators.",
        "fr": "Elle tourne, mais son serveur Jupyter ne répond pas. La machine est peut-être très occupée : réessayez "
        "dans quelques minutes et, si cela échoue encore, prévenez les administrateurs.",
    },
    "session_over": {"en": "It ended by itself.", "fr": "Elle s'est terminée d'elle-même."},
    "session_over_said": {
        "en": "It ended by itself. It said: {value}",
        "fr": "Elle s'est terminée d'elle-même. Elle a dit : {value}",
    },
    "session_said": {"en": "It said:", "fr": "Elle a dit :"},
    "not_running": {"en": "Your session is not running", "fr": "Votre session n'est pas en cours"},
    "not_running_help": {
        "en": "It was stopped or has ended. Your files are kept.",
        "fr": "Elle a été arrêtée ou s'est terminée. Vos fichiers sont conservés.",
    },
    "last_ended": {"en": "Your last session has ended.", "fr": "Votre dernière session s'est terminée."},
    "session_until": {
        "en": "Your session ends at {value}, in {left}. Save your work before.",
        "fr": "Votre session se termine à {value}, dans {left}. Enregistrez votre travail avant.",
    },
    "back": {"en": "Back to the launch page", "fr": "Retour à la page de lancement"},
    "back_help": {"en": "Your choice is kept there.", "fr": "Votre choix y est conservé."},
    "pinned": {"en": "exactly these versions", "fr": "exactement ces versions"},
    "link_again": {"en": "Link to start the same again:", "fr": "Lien pour redémarrer la même :"},
    "by_names": {"en": "same environments, current versions", "fr": "mêmes environnements, versions actuelles"},
    "no_start_now": {
        "en": "No new session can be started at the moment. Sessions that run go on.",
        "fr": "Aucune nouvelle session ne peut démarrer pour le moment. Les sessions en cours continuent.",
    },
    "checked": {"en": "checked {value}", "fr": "vérifié {value}"},
    "check_failed": {
        "en": "Its last check, {value}, failed{failed}. It may not work.",
        "fr": "Sa dernière vérification, {value}, a échoué{failed}. Il se peut qu'il ne marche pas.",
    },
    "newer_failed": {
        "en": "A newer version failed its check {value}; this is the former one.",
        "fr": "Une version plus récente a échoué à sa vérification {value} ; voici la précédente.",
    },
    "unavailable_failed": {
        "en": "Not available: its check failed {value}, and there is no former version.",
        "fr": "Indisponible : sa vérification a échoué {value}, et il n'y a pas de version précédente.",
    },
    "unavailable_waits": {
        "en": "Not available yet: it has to pass its check first.",
        "fr": "Pas encore disponible : il doit d'abord passer sa vérification.",
    },
    "unavailable_images": {
        "en": "Not available: {value} is not on offer at the moment.",
        "fr": "Indisponible : {value} n'est pas proposé pour le moment.",
    },
    "just_now": {"en": "just now", "fr": "à l'instant"},
    "minutes_ago": {"en": "{value} min ago", "fr": "il y a {value} min"},
    "hours_ago": {"en": "{value} h ago", "fr": "il y a {value} h"},
    "days_ago": {"en": "{value} days ago", "fr": "il y a {value} jours"},
    "own_help": {
        "en": "Pick the environments that you need together in one session.",
        "fr": "Cochez les environnements dont vous avez besoin ensemble dans une session.",
    },
    "environments": {"en": "Environments", "fr": "Environnements"},
    "system": {"en": "Interface", "fr": "Interface"},
    "resources": {"en": "Resources", "fr": "Ressources"},
    "resources_default": {"en": "As recommended", "fr": "Selon la recommandation"},
    "resources_default_help": {
        "en": "What the ready-made choice names; for a choice of your own: {value}.",
        "fr": "Ce que prévoit le choix prêt à l'emploi ; pour un choix propre : {value}.",
    },
    "documentation": {"en": "Documentation", "fr": "Documentation"},
    "nothing": {
        "en": "Nothing is on offer for you yet. Ask the administrators of this hub.",
        "fr": "Rien ne vous est encore proposé. Adressez-vous aux administrateurs de ce hub.",
    },
    "processor": {"en": "{value} processor", "fr": "{value} processeur"},
    "processors": {"en": "{value} processors", "fr": "{value} processeurs"},
    "memory": {"en": "{value} GiB of memory", "fr": "{value} Gio de mémoire"},
    "processors_shared": {"en": "processors shared with everybody", "fr": "processeurs partagés avec tous"},
    "memory_shared": {"en": "memory shared with everybody", "fr": "mémoire partagée avec tous"},
    "all_shared": {
        "en": "processors and memory shared with everybody on this machine",
        "fr": "processeurs et mémoire partagés avec tous sur cette machine",
    },
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
    "engine": {
        "en": "The container engine of this hub does not answer. Tell the administrators of this hub.",
        "fr": "Le moteur de conteneurs de ce hub ne répond pas. Prévenez les administrateurs de ce hub.",
    },
    "wrong_spawner": {
        "en": "This hub cannot mount environments with {value}. Tell the administrators of this hub: "
        "it has to be {wanted}.",
        "fr": "Ce hub ne peut pas monter d'environnements avec {value}. Prévenez les administrateurs de ce hub : "
        "il faut {wanted}.",
    },
    "keeps_containers": {
        "en": "This hub keeps the containers of former sessions. Tell its administrators: "
        "DockerSpawner.remove has to be True.",
        "fr": "Ce hub garde les conteneurs des sessions passées. Prévenez ses administrateurs : "
        "DockerSpawner.remove doit être True.",
    },
    "no_account": {
        "en": "You are {value} here, and this is no account that may submit jobs. Ask the administrators of the "
        "cluster for one.",
        "fr": "Vous êtes {value} ici, et ce n'est pas un compte qui peut soumettre des jobs. Demandez-le aux "
        "administrateurs de la machine.",
    },
    "store": {
        "en": "The file system with the environments does not answer. Tell the administrators of this hub.",
        "fr": "Le système de fichiers des environnements ne répond pas. Prévenez les administrateurs de ce hub.",
    },
    "unavailable_store": {
        "en": "Not available: its file is missing or damaged. Tell the administrators of this hub; they can run "
        "publish again.",
        "fr": "Indisponible : son fichier manque ou est abîmé. Prévenez les administrateurs de ce hub, qui peuvent "
        "publier à nouveau.",
    },
    "hours": {"en": "up to {value} h", "fr": "{value} h au plus"},
    "minutes": {"en": "up to {value} min", "fr": "{value} min au plus"},
    "job_submit": {"en": "Asking the scheduler for a job…", "fr": "Demande d'un job à l'ordonnanceur…"},
    "job_waits": {"en": "Job {value} is in the queue.", "fr": "Le job {value} est dans la file d'attente."},
    "job_begins": {"en": "It is expected to start at {value}.", "fr": "Début prévu : {value}."},
    "job_runs": {
        "en": "The job runs on {value}. Waiting for its Jupyter server to answer…",
        "fr": "Le job tourne sur {value}. En attente de la réponse de son serveur Jupyter…",
    },
    "job_left": {"en": "It may run for {value}.", "fr": "Il peut tourner pendant {value}."},
    "queue_unknown": {
        "en": "The scheduler has not looked at it yet.",
        "fr": "L'ordonnanceur ne l'a pas encore examiné.",
    },
    "queue_resources": {
        "en": "It waits until enough processors and memory are free.",
        "fr": "Il attend que assez de processeurs et de mémoire soient libres.",
    },
    "queue_priority": {"en": "Other jobs come first.", "fr": "D'autres jobs passent avant."},
    "queue_nodes": {
        "en": "The machines for it are not available at the moment ({value}).",
        "fr": "Les machines prévues ne sont pas disponibles pour le moment ({value}).",
    },
    "queue_limit": {
        "en": "It is over a limit of yours or of your group ({value}). End other jobs, or ask for less.",
        "fr": "Il dépasse une limite qui vous concerne, vous ou votre groupe ({value}). Terminez d'autres jobs, ou "
        "demandez moins.",
    },
    "queue_other": {"en": "The scheduler says: {value}.", "fr": "L'ordonnanceur indique : {value}."},
    "job_refused": {
        "en": "The scheduler did not take the job. Choose other resources, or tell the administrators.",
        "fr": "L'ordonnanceur n'a pas accepté le job. Choisissez d'autres ressources, ou prévenez les administrateurs.",
    },
    "job_ended": {
        "en": "The job ended before its Jupyter server answered. Try again, and if it fails again, tell the "
        "administrators.",
        "fr": "Le job s'est terminé avant la réponse de son serveur Jupyter. Réessayez et, si cela échoue encore, "
        "prévenez les administrateurs.",
    },
    "job_time": {
        "en": "The job reached its time limit. Choose resources with more time.",
        "fr": "Le job a atteint sa limite de temps. Choisissez des ressources avec plus de temps.",
    },
    "job_memory": {
        "en": "The job needed more memory than it had. Choose resources with more memory.",
        "fr": "Le job a manqué de mémoire. Choisissez des ressources avec plus de mémoire.",
    },
    "job_cancelled": {"en": "The job was cancelled.", "fr": "Le job a été annulé."},
    "job_node": {
        "en": "The machine that ran the job failed. Start again.",
        "fr": "La machine qui exécutait le job est tombée en panne. Redémarrez.",
    },
    "job_gone": {
        "en": "The job is over. What it said last is in your home, in .gaia-vre-session-{job}.log.",
        "fr": "Le job est terminé. Ses derniers mots sont dans votre dossier personnel, dans "
        ".gaia-vre-session-{job}.log.",
    },
    "job_over": {
        "en": "The scheduler says: {value}. What it said last is in your home, in .gaia-vre-session-{job}.log.",
        "fr": "L'ordonnanceur indique : {value}. Ses derniers mots sont dans votre dossier personnel, dans "
        ".gaia-vre-session-{job}.log.",
    },
    "job_not_stopped": {
        "en": "Job {value} of yours is not stopped yet, as the scheduler does not answer. This hub goes on trying; "
        "until then the job runs on.",
        "fr": "Votre job {value} n'est pas encore arrêté, car l'ordonnanceur ne répond pas. Ce hub continue "
        "d'essayer ; d'ici là, le job tourne encore.",
    },
    "job_home": {
        "en": "The job could not write into your home. See that it is there and not over its quota, and start again.",
        "fr": "Le job n'a pas pu écrire dans votre dossier personnel. Vérifiez qu'il existe et que le quota n'est pas "
        "dépassé, puis redémarrez.",
    },
    "job_unreachable": {
        "en": "The job runs, but its Jupyter server cannot be reached. Tell the administrators: a firewall between the "
        "hub and that machine, or a name that the hub does not know.",
        "fr": "Le job tourne, mais son serveur Jupyter n'est pas joignable. Prévenez les administrateurs : un pare-feu "
        "entre le hub et cette machine, ou un nom que le hub ne connaît pas.",
    },
    "job_fuse": {
        "en": "The machine of the job cannot mount images (squashfuse or /dev/fuse is missing). Tell the "
        "administrators.",
        "fr": "La machine du job ne peut pas monter d'images (squashfuse ou /dev/fuse manque). Prévenez les "
        "administrateurs.",
    },
    "job_image": {
        "en": "The file of an image cannot be read on the machine of the job. Tell the administrators; they can run "
        "publish again.",
        "fr": "Le fichier d'une image ne peut pas être lu sur la machine du job. Prévenez les administrateurs, qui "
        "peuvent publier à nouveau.",
    },
    "job_quota": {
        "en": "A disk is full, most likely your home is over its quota. Remove files and start again.",
        "fr": "Un disque est plein, sans doute votre quota est-il dépassé. Supprimez des fichiers et redémarrez.",
    },
    "job_apptainer": {
        "en": "The machine of the job has no Apptainer. Tell the administrators.",
        "fr": "La machine du job n'a pas Apptainer. Prévenez les administrateurs.",
    },
    "job_said": {"en": "It said:", "fr": "Il a dit :"},
    "pod_create": {"en": "Asking the cluster for the session…", "fr": "Demande de la session au cluster…"},
    "pod_place": {
        "en": "Looking for a machine for the session…",
        "fr": "Recherche d'une machine pour la session…",
    },
    "pod_make": {
        "en": "A machine is found. Making the session and mounting the environments…",
        "fr": "Une machine est trouvée. Création de la session et montage des environnements…",
    },
    "pod_pull": {
        "en": "{value} is being brought to the machine of the session. This can take some minutes…",
        "fr": "{value} est en cours d'acheminement vers la machine de la session. Cela peut prendre quelques minutes…",
    },
    "pod_goes_on": {"en": "This hub goes on trying.", "fr": "Ce hub continue d'essayer."},
    "pod_late": {
        "en": "It did not start in the time that this hub gives a session ({value}).",
        "fr": "Elle n'a pas démarré dans le temps que ce hub accorde à une session ({value}).",
    },
    "pod_later": {
        "en": "Try again later, and if it fails again, tell the administrators.",
        "fr": "Réessayez plus tard et, si cela échoue encore, prévenez les administrateurs.",
    },
    "room_cpu": {"en": "processors", "fr": "processeurs"},
    "room_memory": {"en": "memory", "fr": "mémoire"},
    "room_gpu": {"en": "GPUs", "fr": "GPU"},
    "room_disk": {"en": "disk space", "fr": "espace disque"},
    "room_pods": {"en": "sessions", "fr": "sessions"},
    "pod_full": {
        "en": "No machine has enough room for it at the moment ({value}). Smaller resources may find some.",
        "fr": "Aucune machine n'a assez de place pour elle en ce moment ({value}). Des ressources plus petites "
        "pourraient en trouver.",
    },
    "pod_grows": {
        "en": "No machine has enough room, and the cluster is adding one. This takes some minutes.",
        "fr": "Aucune machine n'a assez de place, et le cluster en ajoute une. Cela prend quelques minutes.",
    },
    "pod_unplaced": {
        "en": "No machine of the cluster takes the session at the moment.",
        "fr": "Aucune machine du cluster ne prend la session en ce moment.",
    },
    "pod_home": {
        "en": "Waiting for the disk with your files…",
        "fr": "En attente du disque de vos fichiers…",
    },
    "pod_image_absent": {
        "en": "{value} is not in its registry (any more). Tell the administrators; they can run publish again.",
        "fr": "{value} n'est pas (ou plus) dans son registre. Prévenez les administrateurs, qui peuvent publier à "
        "nouveau.",
    },
    "pod_image_denied": {
        "en": "The cluster may not fetch {value}: the registry refuses its login. Tell the administrators.",
        "fr": "Le cluster n'a pas le droit de chercher {value} : le registre refuse son accès. Prévenez les "
        "administrateurs.",
    },
    "pod_image_trust": {
        "en": "The machine of the session does not trust the registry of {value}. Tell the administrators.",
        "fr": "La machine de la session ne fait pas confiance au registre de {value}. Prévenez les administrateurs.",
    },
    "pod_image_platform": {
        "en": "{value} does not exist for the processors of the session's machine. Tell the administrators.",
        "fr": "{value} n'existe pas pour les processeurs de la machine de la session. Prévenez les administrateurs.",
    },
    "pod_image_registry": {
        "en": "The registry of {value} does not answer.",
        "fr": "Le registre de {value} ne répond pas.",
    },
    "pod_image_busy": {
        "en": "{value} has to wait, as too many images are being fetched at once.",
        "fr": "{value} doit attendre, car trop d'images sont cherchées à la fois.",
    },
    "pod_image_disk": {
        "en": "The disk of the session's machine is full, and {value} does not fit.",
        "fr": "Le disque de la machine de la session est plein, et {value} n'y tient pas.",
    },
    "pod_image": {
        "en": "{value} is not on the session's machine, and cannot be brought there.",
        "fr": "{value} n'est pas sur la machine de la session, et ne peut y être apporté.",
    },
    "pod_container": {
        "en": "The machine cannot start the session. Tell the administrators.",
        "fr": "La machine ne peut pas démarrer la session. Prévenez les administrateurs.",
    },
    "pod_store": {
        "en": "An environment of the session is not in the store. Tell the administrators; they can run publish again.",
        "fr": "Un environnement de la session n'est pas dans le dépôt. Prévenez les administrateurs, qui peuvent "
        "publier à nouveau.",
    },
    "pod_volume": {
        "en": "A volume of the session cannot be mounted.",
        "fr": "Un volume de la session ne peut pas être monté.",
    },
    "pod_volume_absent": {
        "en": "The session needs {value}, which is not in the cluster. Tell the administrators.",
        "fr": "La session a besoin de {value}, qui n'est pas dans le cluster. Prévenez les administrateurs.",
    },
    "pod_machine": {
        "en": "The machine of the session has trouble with it.",
        "fr": "La machine de la session a des difficultés avec elle.",
    },
    "pod_rejected": {
        "en": "The machine that was chosen for it did not take it. Try again.",
        "fr": "La machine choisie pour elle ne l'a pas prise. Réessayez.",
    },
    "pod_quota": {
        "en": "The cluster gives no more room to this hub ({value}). End a session that you do not need, choose "
        "smaller resources, or try again later.",
        "fr": "Le cluster n'accorde plus de place à ce hub ({value}). Terminez une session dont vous n'avez pas "
        "besoin, choisissez des ressources plus petites, ou réessayez plus tard.",
    },
    "pod_refused": {
        "en": "The cluster does not allow such a session. Tell the administrators.",
        "fr": "Le cluster n'autorise pas une telle session. Prévenez les administrateurs.",
    },
    "pod_path": {
        "en": "This hub mounts something of its own at {value}, where an environment has to be. Tell its "
        "administrators.",
        "fr": "Ce hub monte quelque chose à lui sur {value}, où un environnement doit être. Prévenez ses "
        "administrateurs.",
    },
    "cluster_silent": {
        "en": "The cluster does not answer. Try again in a few minutes, and if it fails again, tell the "
        "administrators.",
        "fr": "Le cluster ne répond pas. Réessayez dans quelques minutes et, si cela échoue encore, prévenez les "
        "administrateurs.",
    },
    "cluster_said": {"en": "The cluster says:", "fr": "Le cluster indique :"},
    "pod_gone": {
        "en": "The cluster or its administrators removed it.",
        "fr": "Le cluster ou ses administrateurs l'ont supprimée.",
    },
    "pod_node": {
        "en": "The machine that ran it failed or was shut down. Start again.",
        "fr": "La machine qui l'exécutait est tombée en panne ou a été arrêtée. Redémarrez.",
    },
    "pod_drained": {
        "en": "The machine that ran it was taken out of service. Start again.",
        "fr": "La machine qui l'exécutait a été mise hors service. Redémarrez.",
    },
    "pod_preempted": {
        "en": "It had to make room for something that the cluster holds for more important. Start again.",
        "fr": "Elle a dû faire place à quelque chose que le cluster juge plus important. Redémarrez.",
    },
    "pod_low_memory": {
        "en": "The machine that ran it was short of memory. Choose resources with more memory, or start again.",
        "fr": "La machine qui l'exécutait manquait de mémoire. Choisissez des ressources avec plus de mémoire, ou "
        "redémarrez.",
    },
    "pod_low_disk": {
        "en": "It wrote too much onto the disk of its machine. Write into your home, and start again.",
        "fr": "Elle a trop écrit sur le disque de sa machine. Écrivez dans votre dossier personnel, et redémarrez.",
    },
    "pod_evicted": {
        "en": "The machine that ran it could not go on with it. Start again.",
        "fr": "La machine qui l'exécutait n'a pas pu continuer. Redémarrez.",
    },
    "pod_time": {"en": "It reached its time limit.", "fr": "Elle a atteint sa limite de temps."},
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


def say(message: str, lang: str, /, **values: str) -> str:
    """A message; values are put in as they are, whoever shows them escapes the whole."""
    return MESSAGES[message][lang].format(**values)


def text(texts: Mapping[str, str], lang: str, default: str = "") -> str:
    """A text of the manifest in ``lang``, else in English, else ``default``."""
    return texts.get(lang) or texts.get("en") or next(iter(texts.values()), default)
