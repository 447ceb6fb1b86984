{{- define "isimud.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "isimud.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "isimud.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "isimud.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "isimud.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository (.tag | default $.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* Where the API begins. */ -}}
{{- define "isimud.api" -}}
{{- printf "%s/api" (.Values.settings.BASE_PATH | default "") -}}
{{- end -}}

{{- /* The API as pods in the cluster reach it. */ -}}
{{- define "isimud.url" -}}
{{- $port := int .Values.service.port -}}
{{- $host := printf "%s.%s.svc" (include "isimud.fullname" .) .Release.Namespace -}}
{{- printf "http://%s%s%s" $host (ternary "" (printf ":%d" $port) (eq $port 80)) (include "isimud.api" .) -}}
{{- end -}}

{{- /* A setting as text. Helm reads whole numbers as floats, which print with an exponent. */ -}}
{{- define "isimud.text" -}}
{{- if kindIs "string" . -}}{{- . -}}{{- else -}}{{- int64 . -}}{{- end -}}
{{- end -}}
