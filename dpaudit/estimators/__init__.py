"""The method ladder: closed form, quadrature, controlled simulation; each says when it applies."""
