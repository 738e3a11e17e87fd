{{/* What every pod is: nobody's uid, no service account's token, nothing that it could do as root. */}}
{{- define "movies.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- with .Values.images.pullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
tolerations:
{{- range $state := list "not-ready" "unreachable" }}
  - key: node.kubernetes.io/{{ $state }}
    operator: Exists
    effect: NoExecute
    tolerationSeconds: {{ $.Values.lostNodeSeconds }}
{{- end }}
{{- with .Values.tolerations }}
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
volumes:
  - name: tmp
    emptyDir:
      sizeLimit: 256Mi
{{- if .Values.database.caBundle }}
  - name: database-ca
    configMap:
      name: {{ include "movies.name" . }}-database-ca
{{- end }}
{{- end -}}

{{- define "movies.container" -}}
imagePullPolicy: {{ .Values.images.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
volumeMounts:
  - name: tmp
    mountPath: /tmp
{{- if .Values.database.caBundle }}
  - name: database-ca
    mountPath: /etc/database-ca
    readOnly: true
{{- end }}
{{- end -}}

{{/*
Even over zones: when one is lost, its pods find a place in the others, for the lost nodes' taints
take them out of the count. No minDomains: with it, pods would wait for the zone to come back.
Soft by default: a hard spread lets one full zone stop growth and rollouts in the others.
Called with (list . "api").
*/}}
{{- define "movies.spread" -}}
{{- $root := index . 0 -}}
topologySpreadConstraints:
  {{- with get (dict "soft" "ScheduleAnyway" "hard" "DoNotSchedule") $root.Values.spread.zones }}
  - topologyKey: {{ $root.Values.zoneLabel }}
    maxSkew: 1
    whenUnsatisfiable: {{ . }}
    nodeTaintsPolicy: Honor
    matchLabelKeys: [pod-template-hash]
    labelSelector:
      matchLabels:
        {{- include "movies.selector" $ | nindent 8 }}
  {{- end }}
  - topologyKey: kubernetes.io/hostname
    maxSkew: 1
    whenUnsatisfiable: ScheduleAnyway
    nodeTaintsPolicy: Honor
    matchLabelKeys: [pod-template-hash]
    labelSelector:
      matchLabels:
        {{- include "movies.selector" . | nindent 8 }}
{{- end -}}

{{/* Where the database is. Called with (list . "mru_api"). */}}
{{- define "movies.databaseEnvironment" -}}
{{- $root := index . 0 -}}
{{- $database := $root.Values.database -}}
- name: MRU_DB_HOST
  value: {{ $database.host | quote }}
- name: MRU_DB_PORT
  value: {{ $database.port | quote }}
- name: MRU_DB_NAME
  value: {{ $database.name | quote }}
{{- with index . 1 }}
- name: MRU_DB_USER
  value: {{ . }}
{{- end }}
- name: PGSSLMODE
  value: {{ $database.sslMode }}
{{- if $database.caBundle }}
- name: PGSSLROOTCERT
  value: /etc/database-ca/ca.pem
{{- end }}
{{- end -}}

{{/* A variable from a Secret. Called with (list "MRU_DB_PASS" "name-of-the-secret" "key"). */}}
{{- define "movies.secretVariable" -}}
- name: {{ index . 0 }}
  valueFrom:
    secretKeyRef:
      name: {{ index . 1 }}
      key: {{ index . 2 }}
{{- end -}}

{{- define "movies.awsEnvironment" -}}
- name: AWS_REGION
  value: {{ .Values.region }}
- name: AWS_DEFAULT_REGION
  value: {{ .Values.region }}
{{- with .Values.aws.endpointUrl }}
- name: AWS_ENDPOINT_URL
  value: {{ . | quote }}
- name: AWS_ACCESS_KEY_ID # an emulator takes any
  value: trial
- name: AWS_SECRET_ACCESS_KEY
  value: trial
{{- end }}
- name: MRU_QUEUE_URL
  value: {{ .Values.queue.url | quote }}
- name: MRU_BUCKETS
  value: {{ join "," .Values.buckets | quote }}
- name: MRU_LOGS
  value: {{ .Values.logs }}
{{- include "movies.tracesEnvironment" . }}
{{- end -}}

{{/* Where traces go, and whose they are. OTEL_SERVICE_NAME is the room's own. */}}
{{- define "movies.tracesEnvironment" -}}
{{- with .Values.traces.endpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
- name: OTEL_TRACES_SAMPLER
  value: parentbased_traceidratio
- name: OTEL_TRACES_SAMPLER_ARG
  value: {{ divf $.Values.traces.percent 100 | quote }}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: OTEL_RESOURCE_ATTRIBUTES
  value: service.namespace={{ include "movies.name" $ }},service.version={{ $.Chart.AppVersion }},k8s.namespace.name={{ $.Release.Namespace }},k8s.pod.name=$(POD_NAME)
{{- end }}
{{- end -}}

{{/* What the worker and its operators are told. */}}
{{- define "movies.workerEnvironment" -}}
{{ include "movies.databaseEnvironment" (list . "mru_worker") }}
{{ include "movies.secretVariable" (list "MRU_DB_PASS" .Values.secrets.workerDatabase "password") }}
{{ include "movies.awsEnvironment" . }}
- name: MRU_ON_ERROR
  value: {{ .Values.worker.onError }}
{{- if .Values.worker.rules }}
- name: MRU_RULES
  value: /etc/movies-r-us/rules.json
{{- end }}
- name: MRU_CONCURRENCY
  value: {{ .Values.worker.concurrency | quote }}
- name: MRU_TASK_SECONDS
  value: {{ .Values.worker.taskSeconds | int | quote }}
- name: MRU_VISIBILITY_SECONDS
  value: {{ .Values.worker.visibilitySeconds | int | quote }}
- name: MRU_MAX_RECEIVES
  value: {{ .Values.queue.maxReceives | int | quote }}
- name: MRU_HEARTBEAT_FILE
  value: /tmp/heartbeat
{{- end -}}

{{/* The worker's rules, for it and its operators: one more volume after those of movies.pod, and one
more mount after those of movies.container. */}}
{{- define "movies.rulesVolume" -}}
{{- if .Values.worker.rules }}
- name: rules
  configMap:
    name: {{ include "movies.name" . }}-worker-rules
{{- end }}
{{- end -}}

{{- define "movies.rulesMount" -}}
{{- if .Values.worker.rules }}
- name: rules
  mountPath: /etc/movies-r-us
  readOnly: true
{{- end }}
{{- end -}}
