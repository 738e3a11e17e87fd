{{- define "movies.egressDns" -}}
- to:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: kube-system
      podSelector:
        matchLabels:
          k8s-app: kube-dns
  ports:
    - port: 53
      protocol: UDP
    - port: 53
      protocol: TCP
{{- end -}}

{{- define "movies.egressDatabase" -}}
- to:
    {{- range .Values.networkPolicy.database }}
    - ipBlock:
        cidr: {{ . }}
    {{- end }}
  ports:
    - port: {{ .Values.database.port }}
{{- end -}}

{{/* A collector in the cluster; one outside it is within reach already, where AWS is. */}}
{{- define "movies.egressTraces" -}}
{{- if and .Values.traces.endpoint .Values.traces.namespace }}
- to:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: {{ .Values.traces.namespace }}
  ports:
    - port: {{ regexFind "[0-9]+$" .Values.traces.endpoint }}
{{- end }}
{{- end -}}

{{- define "movies.egressAws" -}}
- to:
    {{- range .Values.networkPolicy.aws }}
    - ipBlock:
        cidr: {{ . }}
        {{- if eq . "0.0.0.0/0" }}
        except: [169.254.0.0/16] # the node's own credentials
        {{- end }}
    {{- end }}
  ports:
    - port: 443
# The pod identity agent, which hands out a pod's own credentials.
- to:
    - ipBlock:
        cidr: 169.254.170.23/32
  ports:
    - port: 80
{{- end -}}
