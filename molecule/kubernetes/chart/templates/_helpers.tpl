{{- /* Labels by which objects are selected. Scope: list of the root and the component. */ -}}
{{- define "jupyterhub.selects" -}}
app: {{ (index . 0).Chart.Name }}
component: {{ index . 1 }}
release: {{ (index . 0).Release.Name }}
{{- end }}

{{- /* All labels of an object. Scope: the same. */ -}}
{{- define "jupyterhub.labels" -}}
{{ include "jupyterhub.selects" . }}
chart: {{ (index . 0).Chart.Name }}-{{ (index . 0).Chart.Version }}
heritage: {{ (index . 0).Release.Service }}
{{- include "jupyterhub.modern" . }}
helm.sh/chart: {{ (index . 0).Chart.Name }}-{{ (index . 0).Chart.Version }}
app.kubernetes.io/managed-by: {{ (index . 0).Release.Service }}
{{- end }}

{{- define "jupyterhub.modern" }}
app.kubernetes.io/component: {{ index . 1 }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/name: {{ (index . 0).Chart.Name }}
{{- end }}

{{- /* Labels of a pod: nothing in them changes with the chart's version. Scope: the same. */ -}}
{{- define "jupyterhub.podLabels" -}}
{{ include "jupyterhub.selects" . }}
{{- include "jupyterhub.modern" . }}
{{- end }}

{{- /*
A secret value: as given, as it is in the cluster, or made now, so that it is made once. Rendered twice before it is in
the cluster it is two values, as in the real chart: the upgrade after an installation restarts the hub.
Scope: list of the root, the key in the Secret `hub`, what values give.
*/ -}}
{{- define "jupyterhub.secret" -}}
{{- $there := (lookup "v1" "Secret" (index . 0).Release.Namespace "hub").data | default dict }}
{{- if index . 2 }}
{{- index . 2 }}
{{- else if hasKey $there (index . 1) }}
{{- index $there (index . 1) | b64dec }}
{{- else }}
{{- randAlphaNum 64 | sha256sum }}
{{- end }}
{{- end }}

{{- /* What the proxy and the hub share. Scope: the root. */ -}}
{{- define "jupyterhub.proxyToken" -}}
{{- $given := dig "ConfigurableHTTPProxy" "auth_token" .Values.proxy.secretToken .Values.hub.config }}
{{- include "jupyterhub.secret" (list . "hub.config.ConfigurableHTTPProxy.auth_token" $given) }}
{{- end }}

{{- /* imagePullSecrets of a pod as JSON; nothing without any. Scope: list of the root and the image's values. */ -}}
{{- define "jupyterhub.pullSecrets" -}}
{{- $values := (index . 0).Values }}
{{- $found := list }}
{{- if and $values.imagePullSecret.create $values.imagePullSecret.automaticReferenceInjection }}
{{- $found = append $found (dict "name" "image-pull-secret") }}
{{- end }}
{{- range concat (index . 1).pullSecrets $values.imagePullSecrets }}
{{- $found = append $found (kindIs "string" . | ternary (dict "name" .) .) }}
{{- end }}
{{- with $found | uniq }}
{{- toJson . }}
{{- end }}
{{- end }}

{{- /* Variables of a container, given as a mapping of texts or of parts of Kubernetes' form, or as its list. */ -}}
{{- define "jupyterhub.env" -}}
{{- if kindIs "slice" . }}
{{- toYaml . }}
{{- else }}
{{- range $name, $value := . }}
- {{ merge (dict "name" $name) (kindIs "map" $value | ternary $value (dict "value" (toString $value))) | toJson }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Where pods may connect to. Scope: list of the root and the networkPolicy's values. */ -}}
{{- define "jupyterhub.egress" -}}
{{- $metadata := printf "%s/32" (index . 0).Values.singleuser.cloudMetadata.ip }}
{{- $private := list "10.0.0.0/8" "172.16.0.0/12" "192.168.0.0/16" }}
{{- $rules := (index . 1).egressAllowRules }}
{{- $dns := list }}
{{- if $rules.dnsPortsCloudMetadataServer }}
{{- $dns = append $dns (dict "ipBlock" (dict "cidr" $metadata)) }}
{{- end }}
{{- if $rules.dnsPortsKubeSystemNamespace }}
{{- $system := dict "matchLabels" (dict "kubernetes.io/metadata.name" "kube-system") }}
{{- $dns = append $dns (dict "namespaceSelector" $system) }}
{{- end }}
{{- if $rules.dnsPortsPrivateIPs }}
{{- range $private }}
{{- $dns = append $dns (dict "ipBlock" (dict "cidr" .)) }}
{{- end }}
{{- end }}
{{- with $dns }}
- ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]
  to: {{ toJson . }}
{{- end }}
{{- if $rules.nonPrivateIPs }}
- to: [{ipBlock: {cidr: 0.0.0.0/0, except: {{ append $private $metadata | toJson }}}}]
{{- end }}
{{- if $rules.privateIPs }}
- to:
  {{- range $private }}
    - ipBlock: {cidr: {{ . }}}
  {{- end }}
{{- end }}
{{- if $rules.cloudMetadataServer }}
- to: [{ipBlock: {cidr: {{ $metadata }}}}]
{{- end }}
{{- with (index . 1).egress }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* Pods with a label that may connect. Scope: list of the networkPolicy's values and the label. */ -}}
{{- define "jupyterhub.from" -}}
{{- $label := dict "matchLabels" (dict (index . 1) "true") }}
{{- if eq (index . 0).interNamespaceAccessLabels "accept" }}
{{- $everywhere := dict "podSelector" $label "namespaceSelector" (dict "matchLabels" dict) }}
{{- list $everywhere (dict "namespaceSelector" $label) | toJson }}
{{- else }}
{{- list (dict "podSelector" $label) | toJson }}
{{- end }}
{{- end }}
