package v1alpha1

import "time"

// SecretModelKeys is the Secret of the platform's namespace that holds the API keys of models' endpoints.
const SecretModelKeys = "khocr-model-keys"

// Reasons of the condition Reachable, which the condition Ready passes on where the endpoint cannot be used.
const (
	ReasonReachable   = "Reachable"
	ReasonUnreachable = "Unreachable"
	// ReasonEndpointError: it answers, but not as an endpoint does.
	ReasonEndpointError = "EndpointError"
	// ReasonUnauthorized: it does not take the key.
	ReasonUnauthorized = "Unauthorized"
	// ReasonKeyMissing: the Secret of the keys has none of the name.
	ReasonKeyMissing = "KeyMissing"
	// ReasonAddressRefused: no endpoint may be at its address.
	ReasonAddressRefused = "AddressRefused"
	// ReasonModelMissing: it has no model of the name.
	ReasonModelMissing = "ModelMissing"
)

// Defaults of an OpenAIModel.
const (
	defaultModelTimeout      = 120 * time.Second
	defaultModelRetries      = 2
	defaultModelOutputTokens = 8192
	defaultModelConcurrency  = 4
	defaultModelImageSide    = 2048
)

// IsAI tells whether the model is an endpoint's, which is asked in addition to a model of Tesseract.
func (m *OcrModel) IsAI() bool { return m.Spec.Engine == EngineOpenAI && m.Spec.OpenAI != nil }

// LeavesCluster tells whether pages that the model reads leave the cluster.
func (m *OcrModel) LeavesCluster() bool {
	return m.IsAI() && m.Spec.OpenAI.Location != LocationInCluster
}

// MayUse tells why an organization may not use a model: ReasonModelNotAllowed, ReasonExternalModelNotAllowed, or nothing where it
// may. Models of Tesseract are everybody's.
func (o *Organization) MayUse(model *OcrModel) string {
	switch {
	case !model.IsAI():
		return ""
	case model.Spec.OpenAI.plan(o.Spec.PlanRef) == nil:
		return ReasonModelNotAllowed
	case model.LeavesCluster() && (o.Spec.AI == nil || o.Spec.AI.AllowExternal == nil || !*o.Spec.AI.AllowExternal):
		return ReasonExternalModelNotAllowed
	}
	return ""
}

// Corrector is the AI model that corrects for the organization where a job names none: the first by name that it may use. Where there is
// none, the reason is MayUse's, and the model the one that is nearest to be used, or nil.
func (o *Organization) Corrector(models []OcrModel) (model *OcrModel, reason string) {
	var usable, external *OcrModel
	for i := range models {
		model := &models[i]
		if !model.IsAI() {
			continue
		}
		switch why := o.MayUse(model); {
		case why == "" && (usable == nil || model.Name < usable.Name):
			usable = model
		case why == ReasonExternalModelNotAllowed:
			external = model
		}
	}
	switch {
	case usable != nil:
		return usable, ""
	case external != nil:
		return external, ReasonExternalModelNotAllowed
	}
	return nil, ReasonModelNotAllowed
}

// PagesPerPage is how many pages of the month a page counts as whose text is the model's, for an organization of the plan; 1 for
// models of Tesseract.
func (m *OcrModel) PagesPerPage(plan string) int32 {
	if m.IsAI() {
		if rule := m.Spec.OpenAI.plan(plan); rule != nil && rule.PagesPerPage != nil {
			return *rule.PagesPerPage
		}
	}
	return 1
}

func (s *OpenAIModel) plan(name string) *ModelPlan {
	for i := range s.Plans {
		if s.Plans[i].Name == name {
			return &s.Plans[i]
		}
	}
	return nil
}

// Timeout of one question.
func (s *OpenAIModel) Timeout() time.Duration {
	if s.TimeoutSeconds == nil {
		return defaultModelTimeout
	}
	return time.Duration(*s.TimeoutSeconds) * time.Second
}

// EffectiveRetries is how often a question is asked again when the endpoint fails.
func (s *OpenAIModel) EffectiveRetries() int { return int(or(s.Retries, defaultModelRetries)) }

// EffectiveMaxOutputTokens bounds an answer.
func (s *OpenAIModel) EffectiveMaxOutputTokens() int {
	return int(or(s.MaxOutputTokens, defaultModelOutputTokens))
}

// EffectiveConcurrency is how many questions the endpoint is asked at the same time.
func (s *OpenAIModel) EffectiveConcurrency() int {
	return int(or(s.Concurrency, defaultModelConcurrency))
}

// MaxSide of images in pixels.
func (s *OpenAIModel) MaxSide() int {
	if s.Image == nil {
		return defaultModelImageSide
	}
	return int(or(s.Image.MaxSide, defaultModelImageSide))
}

// MediaType of images.
func (s *OpenAIModel) MediaType() string {
	if s.Image != nil && s.Image.Format == "png" {
		return "image/png"
	}
	return "image/jpeg"
}

func or[T any](value *T, otherwise T) T {
	if value == nil {
		return otherwise
	}
	return *value
}
