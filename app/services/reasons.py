"""Why something could not be done, in words that help whoever has to mend it. errands.describe makes what is explained here."""

WORDS = {
    "ConnectionRefusedError": "Nobody answers at the mail server's address.",
    "ConnectionResetError": "The mail server hung up.",
    "gaierror": "The mail server's name is not known.",
    "TimeoutError": "The mail server did not answer in time.",
    "SMTPAuthenticationError": "The mail server does not accept SMTP_USER and SMTP_PASSWORD.",
    "SMTPConnectError": "The mail server does not want to be spoken with.",
    "SMTPDataError": "The mail server did not take the mail.",
    "SMTPHeloError": "The mail server does not want to be spoken with.",
    "SMTPNotSupportedError": "The mail server cannot do what SMTP_SECURITY or SMTP_USER ask for.",
    "SMTPRecipientsRefused": "The mail server does not take mail for this address.",
    "SMTPSenderRefused": "The mail server does not let us send as MAIL_FROM.",
    "SMTPServerDisconnected": "The mail server hung up.",
    "SSLCertVerificationError": "The mail server's certificate is not one that can be trusted.",
    "SSLError": "No safe connection to the mail server came about; SMTP_SECURITY may be the wrong one.",
    "PermissionError": "The mail may not be written into MAIL_FOLDER.",
    "FileNotFoundError": "MAIL_FOLDER, or a file of the mail, is not there.",
    "OSError": "The machine could not do it.",
    "RefundUnsent": "The payment service could not be asked to send the money back.",
    "NotFound": "What it is about is not there any more.",
    "TemplateSyntaxError": "The template of this mail has a mistake. Correct it, then retry.",
    "TemplateAssertionError": "The template of this mail has a mistake. Correct it, then retry.",
    "TemplateNotFound": "The template of this mail is not there. Put it back, then retry.",
    "UndefinedError": "The template of this mail names something that it is not given. Correct it, then retry.",
    "KeyError": "This Till does not know this kind of message.",
    "OperationalError": "The database could not be used.",
    "Busy": "The database was busy.",
}
UNKNOWN = "Something went wrong that nobody foresaw."


def in_words(error: str) -> str:
    """A sentence for what `errands.describe` said; "" when nothing went wrong."""
    kind = error.partition(":")[0]
    return WORDS.get(kind, UNKNOWN) if error else ""


def detail(error: str) -> str:
    """What the other side said besides, if anything."""
    return error.partition(":")[2].strip()
