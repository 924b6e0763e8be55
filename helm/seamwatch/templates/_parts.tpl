{{- define "seamwatch.name" -}}
{{- printf "%s" .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "seamwatch.labels" -}}
app.kubernetes.io/name: seamwatch
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
{{- end -}}

{{- define "seamwatch.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "seamwatch.name" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* A pod that runs `command` of `component`. `data` names the volume's source. */}}
{{- define "seamwatch.pod" -}}
{{- $root := .root -}}
metadata:
  labels:
    {{- include "seamwatch.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .component | quote }}
    {{- with $root.Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    checksum/settings: {{ toToml $root.Values.settings | sha256sum | quote }}
    {{- with $root.Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "seamwatch.serviceAccount" $root | quote }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: 60
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    fsGroup: 10001
    seccompProfile: {type: RuntimeDefault}
  {{- with $root.Values.imagePullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: seamwatch
      image: {{ printf "%s:%s" $root.Values.image.repository (default $root.Chart.AppVersion $root.Values.image.tag) | quote }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy | quote }}
      args: {{ toJson .command }}
      env:
        - {name: SEAMWATCH_CONFIG, value: /etc/seamwatch/seamwatch.toml}
        - {name: SEAMWATCH_DATA_DIR, value: /data}
        - {name: SEAMWATCH_LOG_FORMAT, value: json}
        - {name: SEAMWATCH_API_HOST, value: "0.0.0.0"}
        - {name: SEAMWATCH_API_PORT, value: "8420"}
        - {name: HOME, value: /tmp}
        {{- with $root.Values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with $root.Values.existingSecret }}
      envFrom:
        - secretRef: {name: {{ . | quote }}}
      {{- end }}
      ports:
        - {name: http, containerPort: 8420, protocol: TCP}
      startupProbe:
        httpGet: {path: /healthz, port: http}
        periodSeconds: 5
        failureThreshold: 60
      livenessProbe:
        httpGet: {path: /healthz, port: http}
        periodSeconds: 20
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        httpGet: {path: /readyz, port: http}
        periodSeconds: 10
        timeoutSeconds: 10
        failureThreshold: 3
      resources: {{- toYaml (default $root.Values.resources .resources) | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {drop: [ALL]}
      volumeMounts:
        - {name: settings, mountPath: /etc/seamwatch, readOnly: true}
        - {name: data, mountPath: /data}
        - {name: tmp, mountPath: /tmp}
  volumes:
    - name: settings
      configMap: {name: {{ include "seamwatch.name" $root | quote }}}
    - name: tmp
      emptyDir: {sizeLimit: 2Gi}
    {{- if eq .data "empty" }}
    - name: data
      emptyDir: {}
    {{- else if ne .data "template" }}
    - name: data
      persistentVolumeClaim: {claimName: {{ .data | quote }}}
    {{- end }}
  {{- with $root.Values.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $root.Values.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $root.Values.affinity }}
  affinity: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
