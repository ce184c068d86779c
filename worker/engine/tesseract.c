#include <leptonica/allheaders.h>

// Functions that Tesseract's library calls in the place of its own, because the dynamic linker looks for them in the program first.
// If it ever does not, nothing but the time that a page takes will change.

// UnicharAmbigs::LoadUniversal reads a list of Latin characters that Tesseract's engine before the network mistook. No network
// asks for it, and reading it takes 30 ms for each model.
void _ZN9tesseract13UnicharAmbigs13LoadUniversalERKNS_10UNICHARSETEPS1_(void) {}

// pixWriteMem keeps the image of a line from where it is cut out to where it is recognised, and would compress it to a PNG.
l_ok pixWriteMem(l_uint8 **data, size_t *size, PIX *image, l_int32 format)
{
	(void)format;
	return pixWriteMemSpix(data, size, image);
}
