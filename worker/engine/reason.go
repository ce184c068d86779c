package engine

// Reasons of a page's source, in document.Page.Reason. A page with an error has the error's code instead.
const (
	// ReasonNativeTextOK: the text that the page carries is right and was kept.
	ReasonNativeTextOK = "native_text_ok"
	// ReasonNoTextLayer: the page carries no text and was recognised.
	ReasonNoTextLayer = "no_text_layer"
	// ReasonTextLayerBroken: the page carries text that is not what it shows, and was recognised.
	ReasonTextLayerBroken = "text_layer_broken"
	// ReasonScannedImage: an image covers most of the page and the text that the page carries is too little to be the
	// image's, for example a stamp of the scanner, so it was recognised.
	ReasonScannedImage = "scanned_image"
	// ReasonHiddenText: the page carries text that it does not show, such as what another engine read, and was recognised.
	ReasonHiddenText = "hidden_text"
	// ReasonLegacyFontDecoded: the page's text in the code of a legacy font was decoded.
	ReasonLegacyFontDecoded = "legacy_font_decoded"
	// ReasonLegacyFontUnknown, followed by the name of a family of package legacy in small letters: the page has text in a font
	// of it whose code is not known, and was recognised.
	ReasonLegacyFontUnknown = "legacy_font_unknown_"
	// ReasonTextAndImages: the text that the page carries was kept, and its images were recognised.
	ReasonTextAndImages = "text_and_images"
	// ReasonForced: recognition was asked for whatever text the page carries.
	ReasonForced = "forced"
	// ReasonSkipped: recognition was not wanted and the page carries no right text.
	ReasonSkipped = "skipped"
)

// Reasons of a wire.Error. They are the words of the API package's constants of the same names, which is not imported
// because it would bring the Kubernetes libraries into the engine.
const (
	reasonPasswordProtected   = "PasswordProtected"
	reasonInvalidDocument     = "InvalidDocument"
	reasonEmptyDocument       = "EmptyDocument"
	reasonUnsupportedDocument = "UnsupportedDocument"
)
