//! Every prompt there is, one row each, held to the same manners.
